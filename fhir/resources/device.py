"""Device and Practitioner: what reads, and who answers for it."""

import re

from accounts.models import User
from fhir.elements import Json


def device_id(release: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", release)[:64]


def device(release: str) -> Json:
    """Build the Device that a release of our networks is."""
    return {
        "resourceType": "Device",
        "status": "active",
        "manufacturer": "Falx",
        "deviceName": [{"name": "Falx", "type": "manufacturer-name"}],
        "type": {"text": "Software that reads brain MRI"},
        "version": [{"value": release}],
    }


def practitioner(row: User) -> Json:
    return {
        "resourceType": "Practitioner",
        "active": row.is_active,
        "name": [{"text": str(row), "family": row.last_name, "given": [row.first_name]}],
    }
