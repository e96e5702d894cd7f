"""ImagingStudy: a study with its series and their instances."""

from typing import Any

from fhir.codes import ACCESSION, BODY_PARTS, DICOM, DICOM_UID, URI, WADO_RS
from fhir.elements import Json, instant, reference
from scans.models import Instance, Series, Study

DICOMWEB = "dicomweb"


def imaging_study(row: Study, *, dicomweb: str) -> Json:
    """Build an ImagingStudy. `series`, their `instances` and `scans` are prefetched.

    Args:
        dicomweb: Root of our DICOMweb services; empty where it is not known.
    """
    series = list(row.series.all())
    stored = any(len(each.instances.all()) for each in series)
    endpoint = dicomweb if stored else ""
    return {
        "resourceType": "ImagingStudy",
        "contained": [wado(endpoint)] if endpoint else None,
        "identifier": [
            {"system": DICOM_UID, "value": f"urn:oid:{row.uid}"},
            {"type": ACCESSION.concept(), "value": row.accession_number}
            if row.accession_number
            else None,
        ],
        "status": "available",
        "modality": [modality(name) for name in sorted({each.modality for each in series})],
        "subject": reference("Patient", row.patient_id),
        "started": instant(row.started_at),
        "endpoint": [{"reference": f"#{DICOMWEB}"}] if endpoint else None,
        "numberOfSeries": len(series),
        "numberOfInstances": sum(map(count, series)),
        "description": row.description,
        "series": [one_series(each) for each in series],
    }


def one_series(row: Series) -> Json:
    part = BODY_PARTS.get(row.body_part.upper())
    return {
        "uid": row.uid,
        "number": row.number if row.number is not None and row.number >= 0 else None,
        "modality": modality(row.modality),
        "description": row.description,
        "numberOfInstances": count(row),
        "bodySite": part.coding if part else {"display": row.body_part},
        "started": instant(row.started_at),
        "instance": [instance(each) for each in row.instances.all() if each.sop_class_uid],
    }


def count(row: Series) -> int:
    """A picture that came on its own is an instance of its series too."""
    return len(row.instances.all()) + len(row.scans.all())


def instance(row: Instance) -> Json:
    return {
        "uid": row.uid,
        "sopClass": {"system": URI, "code": f"urn:oid:{row.sop_class_uid}"},
        "number": row.number if row.number is not None and row.number >= 0 else None,
    }


def modality(name: str) -> Json:
    return {"system": DICOM, "code": name or "OT"}


def wado(address: str) -> dict[str, Any]:
    return {
        "resourceType": "Endpoint",
        "id": DICOMWEB,
        "status": "active",
        "connectionType": WADO_RS.coding,
        "payloadType": [{"text": "DICOM"}],
        "payloadMimeType": ["application/dicom"],
        "address": address,
    }
