"""What doctors write into histories: conditions, allergies, medication, procedures, family."""

from fhir import codes
from fhir.elements import Json, instant, person, reference
from patients.history.dates import written
from patients.history.icd10 import title_of
from patients.models import HistoryEntry


def condition(row: HistoryEntry) -> Json:
    data, wrong = row.data, in_error(row)
    verification = "entered-in-error" if wrong else data.get("verification")
    code = data.get("code")
    return {
        "resourceType": "Condition",
        # R4, con-5: not of what was entered in error.
        "clinicalStatus": None
        if wrong
        else codes.clinical_status(data["clinical_status"]).concept(),
        "verificationStatus": codes.verification_status(verification).concept()
        if verification
        else None,
        "category": [codes.PROBLEM.concept()],
        "code": {
            "coding": [{"system": codes.ICD10, "code": code, "display": title_of(code)}]
            if code
            else None,
            "text": data.get("text") or row.title,
        },
        "subject": reference("Patient", row.patient_id),
        "onsetDateTime": data.get("onset"),
        "recordedDate": instant(row.recorded_at),
        "recorder": person(row.author),
        "note": note(row),
    }


def allergy(row: HistoryEntry) -> Json:
    data, wrong = row.data, in_error(row)
    criticality = data.get("criticality")
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": None if wrong else codes.ALLERGY_ACTIVE.concept(),
        "verificationStatus": codes.ALLERGY_ERROR.concept() if wrong else None,
        "criticality": criticality.replace("_", "-") if criticality else None,
        "code": {"text": data["substance"]},
        "patient": reference("Patient", row.patient_id),
        "recordedDate": instant(row.recorded_at),
        "recorder": person(row.author),
        "note": note(row),
        "reaction": [reaction(data)] if "reaction" in data or "severity" in data else None,
    }


def reaction(data: Json) -> Json:
    """How somebody reacted; that nobody says how is said too, for R4 must have something."""
    unknown = {"extension": [{"url": codes.ABSENT, "valueCode": "unknown"}]}
    said = {"text": data["reaction"]} if "reaction" in data else unknown
    return {"manifestation": [said], "severity": data.get("severity")}


def medication(row: HistoryEntry) -> Json:
    data = row.data
    route = codes.ROUTES.get(data.get("route", ""))
    status = "entered-in-error" if in_error(row) else data["status"].replace("_", "-")
    return {
        "resourceType": "MedicationStatement",
        "status": status,
        "medicationCodeableConcept": {"text": data["name"]},
        "subject": reference("Patient", row.patient_id),
        "effectivePeriod": {"start": data.get("start"), "end": data.get("end")},
        "dateAsserted": instant(row.recorded_at),
        "informationSource": person(row.author),
        "note": note(row),
        "dosage": [
            {
                "text": data.get("dose"),
                "route": route.concept() if route else {"text": data.get("route")},
            }
        ],
    }


def procedure(row: HistoryEntry) -> Json:
    data = row.data
    extent = data.get("extent_of_resection", "").replace("_", " ")
    remarks = [f"Extent of resection: {extent}"] if extent else []
    return {
        "resourceType": "Procedure",
        "status": "entered-in-error" if in_error(row) else "completed",
        "code": {
            "coding": [{"code": data["code"]}] if "code" in data else None,
            "text": data["text"],
        },
        "subject": reference("Patient", row.patient_id),
        "performedDateTime": happened(row),
        "recorder": person(row.author),
        "outcome": {"text": data.get("outcome")},
        "note": [{"text": text} for text in remarks] + note(row),
    }


def family(row: HistoryEntry) -> Json:
    data = row.data
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "entered-in-error" if in_error(row) else "completed",
        "patient": reference("Patient", row.patient_id),
        "date": happened(row),
        "relationship": codes.RELATIVES[data["relation"]].concept(),
        "note": note(row),
        "condition": [{"code": {"text": data["condition"]}}],
    }


def happened(row: HistoryEntry) -> str:
    """When it happened, as exactly as anybody knows."""
    return written(row.occurred_at, row.precision)


def in_error(row: HistoryEntry) -> bool:
    return row.status == HistoryEntry.Status.ENTERED_IN_ERROR


def note(row: HistoryEntry) -> list[Json]:
    comment = row.data.get("comment")
    return [{"text": comment}] if comment else []
