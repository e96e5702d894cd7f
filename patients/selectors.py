"""Everything that reads patients' files, limited to what the caller may see."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from patients.models import HistoryEntry, Patient


def patients_for(user: User) -> QuerySet[Patient]:
    """Doctors see the patients in whose care team they are, admins all, others none."""
    if user.is_admin:
        return Patient.objects.all()
    if user.is_doctor:
        return Patient.objects.filter(care_team=user)
    return Patient.objects.none()


def search_patients(user: User, text: str) -> QuerySet[Patient]:
    """Patients whose name or record number has every word of `text` in it."""
    found = patients_for(user)
    for word in text.split():
        found = found.filter(
            Q(family_name__icontains=word)
            | Q(given_name__icontains=word)
            | Q(record_number__icontains=word)
        )
    return found


def patient_for(user: User, patient_id: UUID, *, lock: bool = False) -> Patient:
    """Return one patient.

    Args:
        lock: Hold the row until the transaction ends (for edits that depend on what they read).

    Raises:
        Patient.DoesNotExist: also when the patient exists but is not for this user.
    """
    found = patients_for(user)
    if lock:
        found = found.select_for_update(of=("self",))
    return found.get(pk=patient_id)


def history_of(patient: Patient) -> QuerySet[HistoryEntry]:
    """The timeline of a patient whom the caller may see, newest first."""
    return HistoryEntry.objects.filter(patient=patient).select_related("author")
