"""Everything that changes who a patient is, and who is in the care team."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from backend.api.errors import Conflict, Forbidden
from patients import changes
from patients.access import patients_for
from patients.changes import Action
from patients.models import CareTeamMember, Change, Patient, PatientIdentifier
from patients.models.patient import identifier_key, name_key
from patients.search import fold

Identifiers = Iterable[Mapping[str, str]]


@transaction.atomic
def create_patient(*, user: User, identifiers: Identifiers = (), **fields: Any) -> Patient:
    """Open a file; whoever opens it owns it.

    Not so a hospital's system: it sees the file by its issuer's number, and until an admin puts
    somebody into the care team, admins decide about it.

    Raises:
        ValidationError: a date or an age that cannot be.
        Conflict: `identifier_taken`.
        Forbidden: `foreign_issuer` when a system would open a file that it could not see.
    """
    patient = Patient(created_by=user)
    change(patient, fields)
    identify(user, patient, identifiers)
    index(patient)
    if not user.is_system:
        add_to_care_team(patient=patient, user=user, level=CareTeamMember.Level.OWNER)
    elif not patients_for(user).filter(pk=patient.pk).exists():
        message = "A system opens files only of patients with a number of one of its issuers."
        raise Forbidden("foreign_issuer", message, field="identifiers")
    return patient


@transaction.atomic
def update_patient(
    *, user: User, patient: Patient, identifiers: Identifiers | None = None, **fields: Any
) -> Patient:
    """Change what is given; `identifiers`, where given, are all that there are.

    Raises:
        As `create_patient`.
    """
    change(patient, fields)
    if identifiers is not None:
        identify(user, patient, identifiers)
    index(patient)
    changes.publish(
        patient_id=patient.id,
        kind=Change.Kind.PATIENT,
        object_id=patient.id,
        action=Action.UPDATED,
    )
    return patient


def change(patient: Patient, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(patient, name, value)
    if "age_years" in fields:
        patient.age_noted_on = None if patient.age_years is None else timezone.localdate()
    patient.full_clean()
    patient.save()


def identify(user: User, patient: Patient, identifiers: Identifiers) -> None:
    """Make these the patient's identifiers, keeping the rows of those that were there."""
    wanted = {identifier_key(each["issuer"], each["value"]): each for each in identifiers}
    patient.identifiers.exclude(key__in=wanted).delete()
    for place, (key, each) in enumerate(wanted.items()):
        try:
            with transaction.atomic():
                patient.identifiers.update_or_create(key=key, defaults=dict(each))
        except IntegrityError as taken:
            raise identifier_taken(user, key, place) from taken


def identifier_taken(user: User, key: str, place: int) -> Conflict:
    """Name the other file to those who may see it; others learn only that there is one."""
    other = patients_for(user).filter(identifiers__key=key).values_list("pk", flat=True).first()
    return Conflict(
        "identifier_taken",
        "Another patient has this number from this issuer.",
        field=f"identifiers.{place}",
        patient=str(other) if other else None,
    )


def index(patient: Patient) -> None:
    """Bring up to date what the patient is found and compared by."""
    latin = (patient.family_name, patient.given_name)
    arabic = (patient.family_name_arabic, patient.given_name_arabic)
    patient.name_key, patient.arabic_name_key = name_key(*latin), name_key(*arabic)
    values = PatientIdentifier.objects.filter(patient=patient).values_list("value", flat=True)
    patient.search_text = fold(" ".join([*latin, *arabic, *values]))
    patient.save(update_fields=["name_key", "arabic_name_key", "search_text", "updated_at"])


@transaction.atomic
def add_to_care_team(
    *, patient: Patient, user: User, level: int = CareTeamMember.Level.WRITER
) -> CareTeamMember:
    """Let `user` into the file; adding somebody again changes nothing."""
    member, added = CareTeamMember.objects.get_or_create(
        patient=patient, user=user, defaults={"level": level}
    )
    if added:
        changes.grant(patient_id=patient.id, user=user)
    return member
