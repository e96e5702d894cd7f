"""Reading what changed: in order, nothing missed, nothing twice.

Ids are handed out before transactions commit, so a reader who goes by them can pass one that is
still under way and never see it. On PostgreSQL a row therefore carries the number of the
transaction that wrote it, and the feed ends before the oldest one still running: whatever is below
that has committed or never will. A transaction that stays open for long, in any database of the
same server, holds the feed back for as long, and loses nothing. SQLite has one writer at a time,
whose ids come in order.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from backend.api.errors import ApiError, Gone
from patients.access import patients_for
from patients.models import Change


class Cursor(NamedTuple):
    """A place in everybody's feed: whatever is behind `transaction` and `id` is still to come.

    `issued_at` is in seconds since 1970: a cursor that is older than what is kept has missed some.
    """

    transaction: int
    id: int
    issued_at: int

    def __str__(self) -> str:
        return urlsafe_b64encode(".".join(map(str, self)).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor back.

        Raises:
            ApiError: `invalid_cursor`.
            Gone: `cursor_expired` when changes since then are no longer kept.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            cursor = cls(*map(int, urlsafe_b64decode(padded.encode("ascii")).split(b".")))
            if not all(0 <= part < 2**63 for part in cursor):
                raise ValueError("out of range")
        except (ValueError, TypeError) as made_up:
            message = "This is no cursor that was given out."
            raise ApiError("invalid_cursor", message, field="since") from made_up
        oldest = timezone.now() - timedelta(days=settings.CHANGES_DAYS)
        if cursor.issued_at < oldest.timestamp() or cursor.transaction > horizon():
            message = "Too much has happened since. Fetch everything again and go on from there."
            raise Gone("cursor_expired", message, field="since")
        return cursor


@dataclass(frozen=True)
class Page:
    """Changes in order, and where the next page begins; `more` if it has something already."""

    changes: Sequence[Change]
    next: Cursor
    more: bool


def now() -> Cursor:
    """The present end of the feed: what is not visible yet comes behind it."""
    if connection.vendor == "postgresql":
        return Cursor(horizon(), 0, moment())
    newest = Change.objects.order_by("-id").values_list("id", flat=True).first()
    return Cursor(0, newest or 0, moment())


def changes_since(user: User, cursor: Cursor, limit: int) -> Page:
    """The user's changes behind a cursor.

    Changes of a file that the user can no longer see are left out, but for the one that says so.
    """
    end = max(now(), cursor._replace(issued_at=moment()))
    rows = list(between(cursor, end).filter(user=user)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    following = place_of(rows[-1]) if more else end
    files = {row.patient_id for row in rows}
    visible = set(patients_for(user).filter(pk__in=files).values_list("pk", flat=True))
    return Page([row for row in rows if is_for(row, visible)], following, more)


def concerned_since(cursor: Cursor) -> tuple[Cursor, set[UUID]]:
    """Where the feed ends now, and the ids of all users and things that changes since are about."""
    end = max(now(), cursor)
    rows = between(cursor, end).values_list("user_id", "object_id")
    return end, {id for row in rows for id in row}


def is_for(change: Change, visible: set[UUID]) -> bool:
    """Whether a change may be told: of a file one sees, or about something that was shared alone.

    Nothing but ids is in it, and that a file is gone must reach those who may not see it any more.
    """
    return (
        change.patient_id in visible
        or change.action == Change.Action.DELETED
        or change.kind == Change.Kind.OPINION
    )


def place_of(change: Change) -> Cursor:
    return Cursor(change.transaction, change.id, moment())


def between(cursor: Cursor, end: Cursor) -> QuerySet[Change]:
    """Everybody's changes behind one place and up to another, in order."""
    rows = Change.objects.filter(transaction__gte=cursor.transaction)
    rows = rows.exclude(transaction=cursor.transaction, id__lte=cursor.id)
    rows = rows.filter(transaction__lte=end.transaction)
    rows = rows.exclude(transaction=end.transaction, id__gt=end.id)
    return rows.order_by("transaction", "id")


def horizon() -> int:
    """The oldest transaction still running; all before it have ended. 0 on SQLite."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def purge() -> int:
    """Remove what is older than the feed reaches back, and what a restored backup left behind.

    Transaction numbers begin anew in a new database cluster: rows from the future are from an old.
    """
    oldest = timezone.now() - timedelta(days=settings.CHANGES_DAYS)
    removed = Change.objects.filter(at__lt=oldest).delete()[0]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            (future,) = cursor.fetchone()
        removed += Change.objects.filter(transaction__gt=future).delete()[0]
    return removed


def moment() -> int:
    return int(timezone.now().timestamp())
