"""Everything that reads the inbox: for admins, and for doctors where `INBOX_FOR_DOCTORS` is on.

What waits is a stranger's until somebody knows them: whoever looks at it sees names of people who
may not be their patients. Each look is written down. What has a known number is as open as the
file of whose number it is.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from accounts.models import User
from dicom.inbox.matching import differences
from dicom.models import Arrival, ArrivalNumber
from patients.access import Level, patients_for
from patients.models import Patient, PatientIdentifier
from patients.models.patient import name_key
from patients.search import fold

CANDIDATES = 20
SHOWN = (
    "study_uid",
    "patient_number",
    "issuer",
    "patient_name",
    "birth_date",
    "sex",
    "modality",
    "study_description",
    "studied_at",
    "source",
)


@dataclass(frozen=True)
class Candidate:
    """A patient whom somebody might take for the one. A hint for a person, never a match.

    Attributes:
        same: What they have in common: `number` (by whichever issuer), `name_and_birth_date`.
        differs: What contradicts it: `birth_date`, `sex`.
    """

    patient: Patient
    same: list[str]
    differs: list[str]


def may_look(user: User) -> bool:
    return user.is_admin or (user.is_doctor and settings.INBOX_FOR_DOCTORS)


def arrivals_for(user: User) -> QuerySet[Arrival]:
    """What waits, as far as the user may look at it.

    What has the number of a patient here is that patient's for all we know: it is as open as the
    file, or else the inbox would show pictures of people whose files are closed to the user.
    """
    if not may_look(user):
        return Arrival.objects.none()
    if user.is_admin:
        return Arrival.objects.all()
    closed = PatientIdentifier.objects.exclude(patient__in=patients_for(user).order_by())
    known = ArrivalNumber.objects.filter(key__in=closed.values("key"))
    return Arrival.objects.exclude(group__in=known.values("arrival__group"))


def groups_for(user: User) -> "QuerySet[Arrival, Any]":
    """What one sender sent of one study of one person, as they spell them: a row for each.

    Rows are dictionaries: `group`, what is in `SHOWN`, `count`, `size_bytes`, `since`, and the
    number of objects for each reason.
    """
    shown = {name: Max(name) for name in SHOWN}
    reasons = {reason.value: Count("pk", filter=Q(reason=reason)) for reason in Arrival.Reason}
    return (
        arrivals_for(user)
        .order_by()
        .values("group")
        .annotate(
            **shown,
            **reasons,
            count=Count("pk"),
            size_bytes=Sum("size_bytes"),
            since=Min("created_at"),
        )
    )


def group_for(user: User, group: UUID) -> dict[str, Any]:
    """Return one of `groups_for`.

    Raises:
        Arrival.DoesNotExist: also when it is not for this user.
    """
    found: dict[str, Any] = groups_for(user).get(group=group)
    return found


def series_of(user: User, group: UUID) -> list[dict[str, Any]]:
    """The series of a group: `series_uid`, `modality`, `count`."""
    rows = arrivals_for(user).filter(group=group).order_by().values("series_uid")
    counted = rows.annotate(modality=Max("modality"), count=Count("pk"))
    return [dict(row) for row in counted.order_by("-count")]


def picture_of(user: User, group: UUID) -> Arrival:
    """The object in the middle of a group's largest series.

    Raises:
        Arrival.DoesNotExist: also when it is not for this user.
    """
    largest = series_of(user, group)
    if not largest:
        raise Arrival.DoesNotExist
    rows = arrivals_for(user).filter(group=group, series_uid=largest[0]["series_uid"])
    return rows.order_by("instance_number", "pk")[largest[0]["count"] // 2]


def candidates(user: User, group: dict[str, Any]) -> list[Candidate]:
    """The user's own patients who might be the one, the likeliest first."""
    number, birth_date = fold(group["patient_number"]), group["birth_date"]
    names = keys_of_name(group["patient_name"])
    alike = Q()
    if number:
        same_number = PatientIdentifier.objects.filter(value__iexact=group["patient_number"])
        alike |= Q(pk__in=same_number.values("patient"))
    if birth_date and names:
        name = Q(name_key__in=names) | Q(arabic_name_key__in=names)
        alike |= name & Q(birth_date=birth_date)
    if not alike:
        return []
    rows = patients_for(user).filter(alike, access_level__gte=Level.WRITER)  # type: ignore[misc]
    found = []
    for patient in rows.prefetch_related("identifiers").order_by("pk")[:CANDIDATES]:
        same = []
        if number and number in {fold(each.value) for each in patient.identifiers.all()}:
            same.append("number")
        named = names & {patient.name_key, patient.arabic_name_key}
        if birth_date and named and birth_date == patient.birth_date:
            same.append("name_and_birth_date")
        differs = differences(patient, birth_date, group["sex"])
        found.append(Candidate(patient, same, differs))
    return sorted(found, key=lambda one: (-len(one.same), len(one.differs)))


def keys_of_name(name: str) -> set[str]:
    """The keys of a DICOM name (PS3.5, 6.2.1): `Haddad^Rana=...`, in each of its alphabets."""
    groups = (group.split("^") for group in name.split("="))
    return {key for parts in groups for end in (2, 3) if (key := name_key(*parts[:end]))}
