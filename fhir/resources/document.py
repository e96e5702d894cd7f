"""DocumentReference: attached files, and the printed report on a slice."""

from fhir.codes import IMAGING_STUDY
from fhir.elements import Json, instant, person, reference
from fhir.resources.readings import found
from fhir.resources.report import pdf
from inference.models import Analysis
from patients.models import HistoryEntry

DOC_STATUS = {"corrected": "amended", "registered": "preliminary", "cancelled": "entered-in-error"}


def attachment(row: HistoryEntry, *, base: str) -> Json:
    data = row.data
    return {
        "resourceType": "DocumentReference",
        "status": "entered-in-error" if row.status == "entered_in_error" else "current",
        "type": {"text": data.get("text") or "Attachment"},
        "subject": reference("Patient", row.patient_id),
        "date": instant(row.recorded_at),
        "author": [person(row.author)],
        "description": data.get("text"),
        "content": [
            {
                "attachment": {
                    "contentType": data["content_type"],
                    "url": f"{base}/Binary/{row.pk}",
                    "size": data.get("size_bytes"),
                    "title": data.get("original_name") or row.title,
                    "creation": instant(row.recorded_at),
                }
            }
        ],
    }


def printed_report(row: Analysis, *, base: str) -> Json:
    reading = found(row)
    return {
        "resourceType": "DocumentReference",
        "status": "entered-in-error" if reading.status == "entered-in-error" else "current",
        "docStatus": DOC_STATUS.get(reading.status, reading.status),
        "type": IMAGING_STUDY.concept(),
        "subject": reference("Patient", reading.patient_id),
        "date": instant(reading.issued_at),
        "author": [person(reading.reviewer)],
        "content": [{"attachment": pdf(reading, base)}],
        "context": {"related": [reference("DiagnosticReport", reading.id)]},
    }
