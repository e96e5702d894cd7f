"""Everything that reads patients' files, limited to what the caller may see."""

from django.db.models import Q, QuerySet

from accounts.models import User
from patients.access import patients_for
from patients.models import HistoryEntry, Patient


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


def history_of(patient: Patient) -> QuerySet[HistoryEntry]:
    """The timeline of a patient whom the caller may see, newest first."""
    return HistoryEntry.objects.filter(patient=patient).select_related("author")
