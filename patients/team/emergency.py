"""Emergency access: a doctor outside the team opens a file, says why, and everyone is told."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from kombu.exceptions import KombuError
from rest_framework.exceptions import Throttled

from accounts.models import User
from audit.models import Event
from backend.api.errors import Conflict, Forbidden
from patients import changes
from patients.access import Level, patients_for
from patients.models import CareTeamMember, EmergencyAccess, Patient
from patients.models.patient import identifier_key
from patients.search import fold
from patients.team.notices import Kind, called, tell
from patients.team.services import take_away, team_changed

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
OPENED, REFUSED = "emergency.open", "emergency.refused"
TELL_TASK = "patients.tell_of_emergencies"


def limit(doctor: User) -> None:
    """See that the doctor has tries left today; holds the doctor's row until the transaction ends.

    Counted are the audit's events, of files opened and of guesses refused.

    Raises:
        Throttled: all are used up; says when the next is free.
    """
    User.objects.select_for_update().get(pk=doctor.pk)
    tries = Event.objects.filter(
        user_id=doctor.pk, action__in=[OPENED, REFUSED], at__gt=timezone.now() - DAY
    ).order_by("-at")
    earliest = tries[settings.EMERGENCY_ACCESS_PER_DAY - 1 :].first()
    if earliest is not None:
        raise Throttled(wait=(earliest.at + DAY - timezone.now()).total_seconds())


def find(given: Mapping[str, Any]) -> Patient:
    """Return the one patient who is named exactly.

    Args:
        given: `patient` (an id), or `identifier` (`issuer`, `value`), or `family_name` (whole) and
            `birth_date`.

    Raises:
        Patient.DoesNotExist: nobody is, or several people are.
    """
    files = Patient.objects.filter(merged_into=None)
    if "patient" in given:
        return files.get(pk=given["patient"])
    if "identifier" in given:
        return files.get(identifiers__key=identifier_key(**given["identifier"]))
    name = fold(given["family_name"])
    found = [
        patient
        for patient in files.filter(birth_date=given["birth_date"])
        if name in (fold(patient.family_name), fold(patient.family_name_arabic))
    ]
    if len(found) != 1:
        raise Patient.DoesNotExist
    return found[0]


@transaction.atomic
def open_file(*, doctor: User, patient: Patient, reason: str) -> EmergencyAccess:
    """Let the doctor read and write in the file for `EMERGENCY_ACCESS_MINUTES`.

    Raises:
        Conflict: `already_member`, for those who may see the file without it.
        Patient.DoesNotExist: the file was merged into another meanwhile.
    """
    Patient.objects.select_for_update().get(pk=patient.pk, merged_into=None)
    if patients_for(doctor).filter(pk=patient.pk).exists():
        raise Conflict("already_member", "You may see this patient's file as it is.")
    for ended in CareTeamMember.objects.filter(patient=patient, user=doctor):
        take_away(ended)
    until = timezone.now() + timedelta(minutes=settings.EMERGENCY_ACCESS_MINUTES)
    access = EmergencyAccess.objects.create(
        patient=patient, doctor=doctor, reason=reason, until=until
    )
    CareTeamMember.objects.create(
        patient=patient,
        user=doctor,
        level=Level.WRITER,
        via=CareTeamMember.Via.EMERGENCY,
        expires_at=until,
        added_by=doctor,
    )
    changes.grant(patient_id=patient.id, user=doctor)
    team_changed(patient)
    text = f"{called(doctor)} opened a patient's file in an emergency."
    tell(told(access), Kind.EMERGENCY, text, patient_id=patient.id, object_id=access.id)
    transaction.on_commit(wake)
    return access


@transaction.atomic
def end(*, access: EmergencyAccess) -> EmergencyAccess:
    """End it before its time.

    Raises:
        Conflict: `already_ended`.
    """
    Patient.objects.select_for_update().filter(pk=access.patient_id).first()
    member = CareTeamMember.objects.filter(
        patient=access.patient_id, user=access.doctor_id, via=CareTeamMember.Via.EMERGENCY
    ).first()
    access.refresh_from_db()
    if member is None or not access.is_open:
        raise Conflict("already_ended", "This emergency access has ended.")
    take_away(member)
    team_changed(member.patient)
    access.refresh_from_db()
    return access


@transaction.atomic
def review(*, access: EmergencyAccess, by: User, comment: str) -> EmergencyAccess:
    """Write down what an owner or an admin thinks of it. Once: it is kept as it is written.

    Raises:
        Forbidden: `own_access`.
        Conflict: `already_reviewed`.
    """
    if access.doctor_id == by.pk:
        raise Forbidden("own_access", "Somebody else reviews your emergency access.")
    changed = EmergencyAccess.objects.filter(pk=access.pk, reviewed_at=None).update(
        reviewed_by=by, reviewed_at=timezone.now(), review=comment
    )
    if not changed:
        raise Conflict("already_reviewed", "This emergency access was reviewed before.")
    access.refresh_from_db()
    text = f"{called(by)} reviewed your emergency access."
    tell(
        [access.doctor],
        Kind.EMERGENCY,
        text,
        patient_id=access.patient_id,
        object_id=access.id,
    )
    return access


def told(access: EmergencyAccess) -> QuerySet[User]:
    """The care team and all admins, but for the doctor."""
    team = CareTeamMember.objects.filter(patient=access.patient_id).current().values("user")
    people = User.objects.filter(Q(pk__in=team) | Q(role=User.Role.ADMIN), is_active=True)
    return people.exclude(pk=access.doctor_id)


def wake() -> None:
    """Have the mail sent now. A broker that cannot be reached only delays it to the next round."""
    try:
        current_app.send_task(TELL_TASK, retry=False)
    except (KombuError, OSError) as unreachable:
        logger.warning("Mail of an emergency access waits: %s", unreachable)


def send_mail() -> None:
    """Mail whoever is to know of an emergency access and was not mailed yet.

    Marked as told only when the mail is out: rather twice than never.
    """
    waiting = EmergencyAccess.objects.filter(told_at=None).select_related("doctor")
    for access in waiting.order_by("opened_at")[:100]:
        try:
            get_connection().send_messages(messages(access))
        except OSError as unreachable:
            logger.warning("Mail of emergency access %s waits: %s", access.pk, unreachable)
            return
        EmergencyAccess.objects.filter(pk=access.pk).update(told_at=timezone.now())


def messages(access: EmergencyAccess) -> list[EmailMessage]:
    """One each, so that nobody reads the others' addresses; nothing about the patient."""
    body = (
        f"{called(access.doctor)} opened a patient's file in an emergency at "
        f"{access.opened_at:%Y-%m-%d %H:%M} UTC.\n\n"
        "You are in the patient's care team, or an administrator. Look at it in the app; an owner "
        "of the file or an administrator should review it.\n\n"
        f"Emergency access {access.pk}\n"
    )
    return [
        EmailMessage("Emergency access to a patient's file", body, to=[person.email])
        for person in told(access)
    ]
