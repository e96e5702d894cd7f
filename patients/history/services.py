"""Everything that changes a patient's history. What was once said stays: as a version."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from backend.api.errors import Conflict
from backend.api.text import as_line
from patients import changes
from patients.changes import Action
from patients.history import kinds
from patients.models import Change, HistoryEntry, HistoryVersion, Patient
from patients.models.history import Precision
from patients.search import fold

Status = HistoryEntry.Status

# Addresses in this API, ids and check sums: "c71" would be found in many of them.
_NO_WORDS = re.compile(r"/api/\S*|[0-9a-f-]{32,}")


@transaction.atomic
def write(
    *,
    patient: Patient,
    kind: HistoryEntry.Kind,
    data: dict[str, Any],
    occurred_at: datetime,
    author: User | None,
    precision: Precision = Precision.TIME,
    title: str | None = None,
    subject_id: UUID | None = None,
) -> HistoryEntry:
    """Write an entry into the file.

    Args:
        data: As `kinds.checked` returns them; nothing is checked here.
        occurred_at: When it happened; the beginning of it where `precision` is not a time.
        title: What the entry is called, where its kind does not say that itself.
        subject_id: What the system writes about; see `record`.
    """
    now = timezone.now()
    entry = HistoryEntry(
        patient=patient,
        kind=kind,
        subject_id=subject_id,
        data=data,
        title=titled(kind, data, title),
        occurred_at=occurred_at,
        precision=precision,
        author=author,
        recorded_at=now,
        updated_at=now,
    )
    entry.search_text = searchable(entry)
    entry.save(force_insert=True)
    keep_version(entry, author)
    publish(entry, Action.CREATED)
    return entry


@transaction.atomic
def record(
    *,
    patient: Patient,
    kind: HistoryEntry.Kind,
    subject_id: UUID,
    title: str,
    data: dict[str, Any],
    author: User | None,
    occurred_at: datetime,
) -> HistoryEntry:
    """Write what the system found; the same subject is written once, however often this runs."""
    of_subject = HistoryEntry.objects.filter(kind=kind, subject_id=subject_id)
    if written := of_subject.first():
        return written
    try:
        return write(
            patient=patient,
            kind=kind,
            subject_id=subject_id,
            title=title,
            data=data,
            author=author,
            occurred_at=occurred_at,
        )
    except IntegrityError:  # somebody else wrote it just now
        return of_subject.get()


@transaction.atomic
def amend(
    *,
    entry: HistoryEntry,
    author: User | None,
    data: dict[str, Any] | None = None,
    occurred_at: datetime | None = None,
    precision: Precision = Precision.TIME,
    title: str | None = None,
    reason: str = "",
) -> HistoryEntry:
    """Have an entry say something else from now on; what it said stays as a version.

    Args:
        data: All of them, as `kinds.checked` returns them; None: as they are.
        occurred_at: With its `precision`; None: as it is.
        title: As in `write`; None: as it is where the kind does not say it itself.
        reason: Why it is changed.

    Raises:
        Conflict: `entered_in_error`: nobody works on with what was taken back.
    """
    hold(entry)
    before = stated(entry)
    if data is not None:
        entry.data = data
    if occurred_at is not None:
        entry.occurred_at, entry.precision = occurred_at, precision
    entry.title = titled(entry.kind, entry.data, title or entry.title)
    if stated(entry) != before:
        keep_change(entry, author, reason)
    return entry


@transaction.atomic
def mark_as_error(*, entry: HistoryEntry, author: User | None, reason: str) -> HistoryEntry:
    """Take an entry back: it stays in the file, marked, with the reason why.

    Raises:
        Conflict: `entered_in_error`, when it has been already.
    """
    hold(entry)
    entry.status = Status.ENTERED_IN_ERROR
    keep_change(entry, author, reason)
    return entry


def require_editable(entry: HistoryEntry) -> None:
    """Let only those entries be edited that people wrote.

    Raises:
        Conflict: `not_editable`.
    """
    if entry.kind in kinds.BY_SYSTEM:
        raise Conflict(
            "not_editable",
            "What stands here was not written here: review the analysis, or ask again.",
        )


def hold(entry: HistoryEntry) -> None:
    """Lock an entry and look at it again: whoever was here first has written already."""
    entry.refresh_from_db(
        fields=[*HistoryEntry.STATED, "updated_at"],
        from_queryset=HistoryEntry.objects.select_for_update(),
    )
    if entry.status == Status.ENTERED_IN_ERROR:
        raise Conflict("entered_in_error", "This was entered in error, and stays as it was.")


def keep_change(entry: HistoryEntry, author: User | None, reason: str) -> None:
    entry.version += 1
    entry.updated_at = timezone.now()
    entry.search_text = searchable(entry)
    entry.save(update_fields=[*HistoryEntry.STATED, "updated_at", "search_text"])
    keep_version(entry, author, reason)
    publish(entry, Action.UPDATED)


def keep_version(entry: HistoryEntry, author: User | None, reason: str = "") -> None:
    HistoryVersion.objects.create(
        entry=entry, author=author, at=entry.updated_at, reason=reason, **stated(entry)
    )


def stated(entry: HistoryEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in HistoryEntry.STATED}


def publish(entry: HistoryEntry, action: Change.Action) -> None:
    changes.publish(
        patient_id=entry.patient_id,
        kind=Change.Kind.ENTRY,
        object_id=entry.id,
        action=action,
    )


def titled(kind: str, data: dict[str, Any], title: str | None) -> str:
    """Return what the entry's kind makes of its data; the system's kinds are told their title."""
    return as_line(kinds.of(kind).title(data) or title or "")


def searchable(entry: HistoryEntry) -> str:
    return fold(" ".join([entry.title, *words(entry.data)]))


def words(value: object) -> Iterator[str]:
    """Every text in some JSON that somebody may look for."""
    if isinstance(value, str):
        if not _NO_WORDS.fullmatch(value):
            yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from words(inner)
