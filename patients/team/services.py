"""Everything that changes who may see a file: add, change, remove, hand over, end.

Each of these expects the patient's row to be held by the caller's transaction, as
`patient_for(..., lock=True)` does: of two owners who leave at once, the second sees that the first
has gone.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from backend.api.errors import ApiError, Conflict
from patients import changes
from patients.access import Level
from patients.models import CareTeamMember, Change, EmergencyAccess, Patient
from patients.team.notices import Kind, called, owners_of, tell

LONGEST_SHARE = timedelta(days=366)
Via = CareTeamMember.Via


@transaction.atomic
def add_member(
    *,
    patient: Patient,
    by: User,
    user: User,
    level: Level,
    expires_at: datetime | None = None,
) -> CareTeamMember:
    """Let a doctor into the file, for good or until `expires_at`.

    Raises:
        Conflict: `already_member`, unless they are there through emergency access.
        ApiError: `date_in_past`, `share_too_long`, `owner_has_no_end`.
    """
    check_end(level, expires_at)
    present = CareTeamMember.objects.filter(patient=patient, user=user).first()
    if present is not None:
        if present.via != Via.EMERGENCY and not has_ended(present):
            raise Conflict("already_member", "This colleague is in the care team.", field="user")
        take_away(present)
    member = CareTeamMember.objects.create(
        patient=patient,
        user=user,
        level=level,
        via=via_of(expires_at),
        expires_at=expires_at,
        added_by=by,
    )
    changes.grant(patient_id=patient.id, user=user)
    team_changed(patient)
    end = f" until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else ""
    text = f"{called(by)} gave you access to a patient's file{end}."
    tell([user], Kind.ACCESS, text, patient_id=patient.id)
    return member


@transaction.atomic
def change_member(
    *, member: CareTeamMember, by: User, level: Level | None = None, **end: datetime | None
) -> CareTeamMember:
    """Change what a member may do, or (given `expires_at`, also as None) until when.

    Giving emergency access another end, or none, makes it an ordinary share or membership.

    Raises:
        Conflict: `last_owner`.
        ApiError: `date_in_past`, `share_too_long`, `owner_has_no_end`.
    """
    if level is not None:
        member.level = level
    if "expires_at" in end:
        member.expires_at = end["expires_at"]
        member.via = via_of(member.expires_at)
        end_emergency(member)
        check_end(member.level, member.expires_at)
    elif member.level == Level.OWNER and member.expires_at is not None:
        raise owner_has_no_end()
    if member.level < Level.OWNER:
        require_another_owner(member)
    member.save(update_fields=["level", "via", "expires_at"])
    team_changed(member.patient)
    if member.user != by:
        text = f"{called(by)} changed your access to a patient's file."
        tell([member.user], Kind.ACCESS, text, patient_id=member.patient_id)
    return member


@transaction.atomic
def remove_member(*, member: CareTeamMember, by: User) -> None:
    """Take a member out of the team; `by` may be the member.

    Raises:
        Conflict: `last_owner`.
    """
    require_another_owner(member)
    take_away(member)
    team_changed(member.patient)
    if member.user == by:
        text = f"{called(by)} left a patient's care team."
        tell(owners_of(member.patient), Kind.ACCESS, text, patient_id=member.patient_id)
    else:
        text = f"{called(by)} ended your access to a patient's file."
        tell([member.user], Kind.ACCESS, text, patient_id=member.patient_id)


@transaction.atomic
def hand_over(*, patient: Patient, by: User, to: User, stay_as: Level | None) -> CareTeamMember:
    """Make `to` an owner in the place of `by`, who stays with less or leaves.

    An admin who is not in the team takes nobody's place: that is how a file gets a new owner whose
    only one is gone.

    Raises:
        ApiError: `same_person`.
    """
    if to == by:
        raise ApiError("same_person", "A file is handed over to somebody else.", field="to")
    before = CareTeamMember.objects.filter(patient=patient, user=to).first()
    if before is not None:
        end_emergency(before)
    owner, _ = CareTeamMember.objects.update_or_create(
        patient=patient,
        user=to,
        defaults={"level": Level.OWNER, "via": Via.TEAM, "expires_at": None},
        create_defaults={"level": Level.OWNER, "added_by": by},
    )
    if before is None or has_ended(before):
        changes.grant(patient_id=patient.id, user=to)
    mine = CareTeamMember.objects.filter(patient=patient, user=by).first()
    if mine is not None:
        if stay_as is None:
            take_away(mine)
        else:
            mine.level = stay_as
            mine.save(update_fields=["level"])
    team_changed(patient)
    text = f"{called(by)} handed a patient's file over to you."
    tell([to], Kind.HAND_OVER, text, patient_id=patient.id)
    others = [user for user in owners_of(patient) if user not in (by, to)]
    text = f"{called(by)} handed a patient's file over to {called(to)}."
    tell(others, Kind.HAND_OVER, text, patient_id=patient.id)
    return owner


def clear_ended() -> None:
    """Clear away every membership that has ended. Safe to run anywhere, often."""
    for member in CareTeamMember.objects.ended().order_by("expires_at")[:1000]:
        clear(member)


@transaction.atomic
def clear(member: CareTeamMember) -> None:
    """Clear away one, if it still is there and was not prolonged meanwhile."""
    patient = Patient.objects.select_for_update().filter(pk=member.patient_id).first()
    still = CareTeamMember.objects.ended().select_related("user").filter(pk=member.pk).first()
    if patient is None or still is None:
        return
    take_away(still)
    team_changed(patient)
    record(
        user=None,
        action="team.end",
        patient_id=patient.id,
        why=still.via,
        subject=("user", still.user_id),
    )
    text = "Your access to a patient's file has ended."
    tell([still.user], Kind.ACCESS, text, patient_id=patient.id)
    text = f"The access of {called(still.user)} to a patient's file has ended."
    tell(owners_of(patient), Kind.ACCESS, text, patient_id=patient.id)


def take_away(member: CareTeamMember) -> None:
    """Delete the row, and tell the feed of whoever had access by it."""
    end_emergency(member)
    CareTeamMember.objects.filter(pk=member.pk).delete()
    changes.withdraw(patient_id=member.patient_id, user_id=member.user_id)


def end_emergency(member: CareTeamMember) -> None:
    """Write down that emergency access, if this is or was one, ends before its time."""
    now = timezone.now()
    EmergencyAccess.objects.filter(
        patient=member.patient_id, doctor=member.user_id, ended_at=None, until__gt=now
    ).update(ended_at=now)


def require_another_owner(member: CareTeamMember) -> None:
    """Let an owner go only when somebody else can decide about the file.

    Raises:
        Conflict: `last_owner`.
    """
    owners = CareTeamMember.objects.filter(patient=member.patient_id).owners()
    was_owner = CareTeamMember.objects.filter(pk=member.pk, level=Level.OWNER).exists()
    if was_owner and not owners.exclude(pk=member.pk).exists():
        raise Conflict("last_owner", "The file needs an owner: hand it over to somebody first.")


def check_end(level: int, expires_at: datetime | None) -> None:
    """See that an end, if there is one, lies ahead, not too far, and is not an owner's.

    Raises:
        ApiError: `date_in_past`, `share_too_long`, `owner_has_no_end`.
    """
    if expires_at is None:
        return
    if level == Level.OWNER:
        raise owner_has_no_end()
    now = timezone.now()
    if expires_at <= now:
        raise ApiError("date_in_past", "A share ends in the future.", field="expires_at")
    if expires_at > now + LONGEST_SHARE:
        raise ApiError("share_too_long", "A share lasts a year at most.", field="expires_at")


def owner_has_no_end() -> ApiError:
    message = "An owner's access has no end: leave expires_at out, or give another level."
    return ApiError("owner_has_no_end", message, field="expires_at")


def via_of(expires_at: datetime | None) -> CareTeamMember.Via:
    return Via.TEAM if expires_at is None else Via.SHARE


def has_ended(member: CareTeamMember) -> bool:
    return member.expires_at is not None and member.expires_at <= timezone.now()


def team_changed(patient: Patient) -> None:
    """Tell the team to look at it again, each also at what they themselves may do."""
    changes.publish(
        patient_id=patient.id,
        kind=Change.Kind.PATIENT,
        object_id=patient.id,
        action=changes.Action.UPDATED,
    )
