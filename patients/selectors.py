"""Everything that reads patients' files, limited to what the caller may see."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from patients.access import patients_for
from patients.models import Patient, PatientMerge
from patients.search import fold


def search_patients(user: User, text: str) -> QuerySet[Patient]:
    """Patients whose names or identifiers have every word of `text` in them."""
    found = patients_for(user).prefetch_related("identifiers")
    for word in fold(text).split():
        found = found.filter(search_text__contains=word)
    return found


def same_person(patient: Patient) -> QuerySet[Patient]:
    """Other files, whoever's, of a patient of the same name who was born on the same day."""
    names = Q(name_key=patient.name_key)
    if patient.arabic_name_key:
        names |= Q(arabic_name_key=patient.arabic_name_key)
    if patient.birth_date is None:
        return Patient.objects.none()
    others = Patient.objects.filter(names, birth_date=patient.birth_date, merged_into=None)
    return others.exclude(pk=patient.pk)


def merges() -> QuerySet[PatientMerge]:
    """All merges, the latest first; for admins."""
    return PatientMerge.objects.select_related("merged_by", "undone_by")


def ids_of_file(patient: Patient) -> list[UUID]:
    """The patient's id, and those of all files that this one has taken up."""
    ids: list[UUID] = []
    level = [patient.pk]
    while level:
        ids += level
        level = list(Patient.objects.filter(merged_into__in=level).values_list("pk", flat=True))
    return ids
