"""The one table of what this server has: routes, searches and CapabilityStatement follow it."""

from fhir.sources import documents, entries, imaging, observations, patients, readings
from fhir.types import ResourceType

_SUBJECT = {"patient": "subject", "subject": "subject"}
_READING = _SUBJECT | {"performer": "performer"}

TYPES: dict[str, ResourceType] = {
    each.name: each
    for each in (
        ResourceType("Patient", (patients.PATIENTS,), writable=True),
        ResourceType("ImagingStudy", (imaging.STUDIES,), _SUBJECT),
        ResourceType(
            "DiagnosticReport",
            readings.REPORTS,
            _READING
            | {
                "result": "result",
                "imaging-study": "imagingStudy",
                "results-interpreter": "resultsInterpreter",
            },
        ),
        ResourceType(
            "Observation",
            observations.OBSERVATIONS,
            _READING | {"device": "device", "derived-from": "derivedFrom"},
        ),
        ResourceType("Condition", (entries.CONDITIONS,), _SUBJECT),
        ResourceType("AllergyIntolerance", (entries.ALLERGIES,), {"patient": "patient"}),
        ResourceType("MedicationStatement", (entries.MEDICATIONS,), _SUBJECT),
        ResourceType("Procedure", (entries.PROCEDURES,), _SUBJECT),
        ResourceType("FamilyMemberHistory", (entries.FAMILY,), {"patient": "patient"}),
        ResourceType("DocumentReference", documents.document_sources(), _SUBJECT),
        ResourceType("AuditEvent", (documents.EVENTS,), in_everything=False),
        ResourceType("Practitioner", (documents.PRACTITIONERS,), in_everything=False),
        ResourceType("Device", (), in_everything=False),
    )
}
