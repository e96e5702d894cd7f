"""The one door to a patient's file: every view about a patient comes through here."""

from uuid import UUID

from django.http import Http404
from rest_framework.request import Request

from accounts.api.permissions import user_of
from audit.services import note
from patients.access import Level, patient_for
from patients.models import Patient


def get_patient(
    request: Request,
    patient_id: UUID,
    *,
    action: str,
    level: int = Level.READER,
    lock: bool = False,
) -> Patient:
    """Return the patient that the caller may see, and write that down; or answer 404.

    Args:
        action: What the caller does, for the audit: `patient.read`, `history.create`.
        level: How much the caller must be allowed to do; 403 if it is less.
        lock: Hold the row until the transaction ends.
    """
    try:
        patient = patient_for(user_of(request), patient_id, level=level, lock=lock)
    except Patient.DoesNotExist as missing:
        raise Http404 from missing
    note(request, action=action, patient_id=patient.pk, why=patient.access_via)
    return patient
