"""The one table of what this server has: routes, searches and CapabilityStatement follow it."""

from fhir import more_sources, sources
from fhir.types import ResourceType

_SUBJECT = {"patient": "subject", "subject": "subject"}
_READING = _SUBJECT | {"performer": "performer"}

TYPES: dict[str, ResourceType] = {
    each.name: each
    for each in (
        ResourceType("Patient", (sources.PATIENTS,), writable=True),
        ResourceType("ImagingStudy", (sources.STUDIES,), _SUBJECT),
        ResourceType(
            "DiagnosticReport",
            sources.REPORTS,
            _READING
            | {
                "result": "result",
                "imaging-study": "imagingStudy",
                "results-interpreter": "resultsInterpreter",
            },
        ),
        ResourceType(
            "Observation",
            sources.OBSERVATIONS,
            _READING | {"device": "device", "derived-from": "derivedFrom"},
        ),
        ResourceType("Condition", (sources.CONDITIONS,), _SUBJECT),
        ResourceType("AllergyIntolerance", (sources.ALLERGIES,), {"patient": "patient"}),
        ResourceType("MedicationStatement", (sources.MEDICATIONS,), _SUBJECT),
        ResourceType("Procedure", (sources.PROCEDURES,), _SUBJECT),
        ResourceType("FamilyMemberHistory", (sources.FAMILY,), {"patient": "patient"}),
        ResourceType("DocumentReference", more_sources.document_sources(), _SUBJECT),
        ResourceType("AuditEvent", (more_sources.EVENTS,), in_everything=False),
        ResourceType("Practitioner", (more_sources.PRACTITIONERS,), in_everything=False),
        ResourceType("Device", (), in_everything=False),
    )
}
