"""Everything that reads the audit. Who may ask is for the views to know."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from audit.chain import Anchor
from audit.models import Event, Head


def events(
    *,
    user: UUID | None = None,
    patient: UUID | None = None,
    since: Any = None,
    until: Any = None,
    **exactly: str,
) -> QuerySet[Event]:
    """Return the events that fit all of what is given, newest first.

    Args:
        since, until: The period, its beginning included, its end not.
        exactly: `action`, `why`.
    """
    wanted = {
        "user_id": user,
        "patient_id": patient,
        "at__gte": since,
        "at__lt": until,
        **exactly,
    }
    return Event.objects.filter(**{name: v for name, v in wanted.items() if v is not None})


def events_by(user: User) -> QuerySet[Event]:
    """What was done in this user's name, newest first."""
    return events(user=user.id)


def events_of_patient(*patient_ids: UUID) -> QuerySet[Event]:
    """Who did what in a patient's file, newest first. Pages of lists are not among it.

    Args:
        patient_ids: The file's, and those of files that were merged into it.
    """
    return Event.objects.filter(patient_id__in=patient_ids)


def unsealed() -> int:
    """How many events are not in the chain yet."""
    return Event.objects.filter(sequence=None).count()


def end() -> Anchor:
    """Where the chain ends now: an anchor to keep elsewhere."""
    head = Head.objects.first() or Head()
    return Anchor(head.sequence, head.hash)
