"""Everything that reads histories, limited to what the caller may see."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from patients.access import Level, patient_for
from patients.models import Attachment, HistoryEntry, HistoryVersion, Patient
from patients.search import fold


def history_of(
    patient: Patient,
    *,
    kinds: Iterable[str] = (),
    statuses: Iterable[str] = (HistoryEntry.Status.CURRENT,),
    since: datetime | None = None,
    before: datetime | None = None,
    author: UUID | None = None,
    search: str = "",
) -> QuerySet[HistoryEntry]:
    """The timeline of a patient whom the caller may see, newest first.

    Args:
        kinds: Only these, if any are named.
        since, before: From the first on, and up to but without the second.
        search: Every word of it is in the title or the data, whatever its case and accents.
    """
    # The patient comes first: the timeline's index finds their rows, and only those are looked at.
    found = HistoryEntry.objects.filter(patient=patient, status__in=statuses)
    if kinds := list(kinds):
        found = found.filter(kind__in=kinds)
    if since is not None:
        found = found.filter(occurred_at__gte=since)
    if before is not None:
        found = found.filter(occurred_at__lt=before)
    if author is not None:
        found = found.filter(author_id=author)
    for word in fold(search).split():
        found = found.filter(search_text__contains=word)
    return found.select_related("author")


def entry_for(
    user: User, entry_id: UUID, *, level: int = Level.READER, lock: bool = False
) -> HistoryEntry:
    """Return one entry; its `patient` says what the user may do, and why.

    Args:
        lock: Hold the row until the transaction ends.

    Raises:
        HistoryEntry.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    entries = HistoryEntry.objects.select_related("author")
    if lock:
        entries = entries.select_for_update(of=("self",))
    entry = entries.get(pk=entry_id)
    try:
        entry.patient = patient_for(user, entry.patient_id, level=level)
    except Patient.DoesNotExist as hidden:
        raise HistoryEntry.DoesNotExist from hidden
    return entry


def versions_of(entry: HistoryEntry) -> QuerySet[HistoryVersion]:
    """All that an entry of a patient whom the caller may see ever said, the latest first."""
    return entry.versions.select_related("author", "entry")


def attachment_of(entry: HistoryEntry) -> Attachment:
    """Return the file of an entry that the caller may see.

    Raises:
        Attachment.DoesNotExist: it has none.
    """
    return Attachment.objects.select_related("entry").get(entry=entry)
