"""A report with all that it refers to, as one transaction (FHIR R4, section 3.1.0.11)."""

from typing import Any

from accounts.models import User
from fhir.elements import Json
from fhir.models import Subscriber
from fhir.rendering import finished
from fhir.resources.device import device, device_id
from fhir.resources.patient import system_of
from fhir.resources.readings import found
from fhir.search.pages import Hit
from fhir.sources.documents import PRACTITIONERS
from fhir.sources.imaging import STUDIES
from fhir.sources.observations import OBSERVATIONS
from fhir.sources.patients import PATIENTS
from fhir.sources.readings import REPORTS
from fhir.types import Context, Source

PATIENT = "Patient/"


def transaction_bundle(report: Any, subscriber: Subscriber) -> Json:
    """Return the Bundle: everything by PUT under our ids, so that sending it twice changes nothing.

    Args:
        report: A row of `readings.analyses` or `readings.series_analyses`.
    """
    nowhere = Context(base="", dicomweb="", user=None)
    reading = found(report)
    patient = PATIENTS.rows().get(pk=reading.patient_id)
    study = STUDIES.rows().get(pk=reading.study.pk)
    which = 0 if reading.is_slice else 1
    resources = [
        *made(PATIENTS, patient, nowhere),
        *made(STUDIES, study, nowhere),
        *([released(reading.release)] if reading.release else []),
        *reviewer(reading.reviewer, nowhere),
        *made(OBSERVATIONS[which], report, nowhere),
        *made(REPORTS[which], report, nowhere),
    ]
    if subscriber.patients == Subscriber.Patients.THEIRS:
        numbers = [row for row in patient.identifiers.all() if row.issuer == subscriber.issuer]
        number = numbers[0]
        theirs = f"Patient?identifier={system_of(number.issuer)}|{number.value}"
        resources = [pointed(body, f"{PATIENT}{patient.pk}", theirs) for body in resources[1:]]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [put(body, subscriber.base_url.rstrip("/")) for body in resources],
    }


def made(source: Source, row: Any, context: Context) -> list[Json]:
    """All resources that a row makes."""
    return [
        Hit(None, row, place, source, part).built(context)
        for place, part in enumerate(source.parts)
        if part.here(row)
    ]


def released(release: str) -> Json:
    return finished(device(release), device_id(release), None)


def reviewer(user: User | None, context: Context) -> list[Json]:
    return made(PRACTITIONERS, user, context) if user else []


def put(body: Json, base: str) -> Json:
    path = f"{body['resourceType']}/{body['id']}"
    return {
        "fullUrl": f"{base}/{path}",
        "resource": body,
        "request": {"method": "PUT", "url": path},
    }


def pointed(value: Any, old: str, new: str) -> Any:
    """Return JSON in which every reference to one thing is one to another."""
    if isinstance(value, dict):
        return {
            name: new if name == "reference" and inner == old else pointed(inner, old, new)
            for name, inner in value.items()
        }
    return [pointed(inner, old, new) for inner in value] if isinstance(value, list) else value
