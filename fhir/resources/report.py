"""DiagnosticReport: a reading of a slice or of a series, and what became of it."""

from fhir.codes import BRAIN_MRI, LABELS, RADIOLOGY
from fhir.elements import Json, instant, person, reference
from fhir.resources.observation import SIZES
from fhir.resources.readings import Found, found
from inference.models import Analysis, SeriesAnalysis

PDF = "application/pdf"


def report(row: Analysis | SeriesAnalysis, *, base: str) -> Json:
    """Build a DiagnosticReport. Rows as `readings.found` takes them.

    Args:
        base: Where this server is reached; empty where the report goes elsewhere.
    """
    reading = found(row)
    answered = reading.status not in ("registered", "cancelled")
    code = LABELS.get(reading.label)
    who = person(reading.reviewer)
    return {
        "resourceType": "DiagnosticReport",
        "status": reading.status,
        "category": [RADIOLOGY.concept()],
        "code": BRAIN_MRI.concept(),
        "subject": reference("Patient", reading.patient_id),
        "effectiveDateTime": instant(reading.taken_at),
        "issued": instant(reading.issued_at),
        "performer": [who],
        "resultsInterpreter": [who],
        "result": [reference("Observation", each) for each in results(reading)],
        "imagingStudy": [reference("ImagingStudy", reading.study.pk)],
        "conclusion": conclusion(reading),
        "conclusionCode": [code.concept(reading.label_shown)] if code and answered else None,
        "presentedForm": [pdf(reading, base)] if answered and base and reading.is_slice else None,
    }


def results(reading: Found) -> list[str]:
    """Ids of the reading's Observations."""
    if not reading.label:
        return []
    sizes = [name for name, size in SIZES.items() if reading.model.get(size.field) is not None]
    sizes += [
        name
        for name, size in SIZES.items()
        if name not in sizes and reading.measured.get(size.field) is not None
    ]
    return [f"{reading.id}.label", *(f"{reading.id}.{name}" for name in sizes)]


def conclusion(reading: Found) -> str:
    """What was found, what to keep in mind about it, what the doctor remarked."""
    remarks = [str(reason.get("message", "")) for reason in reading.reasons]
    return "\n".join(filter(None, [reading.label_shown, *remarks, reading.comment]))


def pdf(reading: Found, base: str) -> Json:
    return {
        "contentType": PDF,
        "url": f"{base}/Binary/{reading.id}",
        "title": "Report on the slice",
    }
