"""Telling somebody something inside the app."""

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from patients.models import CareTeamMember, Notice, Patient

Kind = Notice.Kind


def tell(
    users: Iterable[User],
    kind: Notice.Kind,
    text: str,
    *,
    patient_id: UUID,
    object_id: UUID | None = None,
) -> None:
    """Leave each of them a notice, in the caller's transaction.

    Args:
        text: A sentence without anything about the patient: it may end up on a lock screen.
        object_id: What it is about, if not the file: an emergency access, an opinion.
    """
    Notice.objects.bulk_create(
        Notice(user=user, kind=kind, text=text, patient_id=patient_id, object_id=object_id)
        for user in users
    )


def read(notice: Notice) -> Notice:
    """Mark a notice as read; the first time counts."""
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())
    notice.refresh_from_db()
    return notice


def owners_of(patient: Patient) -> list[User]:
    members = CareTeamMember.objects.filter(patient=patient).owners()
    return [member.user for member in members.select_related("user")]


def called(user: User | None) -> str:
    """How one person is named to another: never by an address."""
    return (user.get_full_name() if user else "") or "A colleague"
