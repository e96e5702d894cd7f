"""The hash chain: what each sealed event's hash is made of, and whether all of it still holds."""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from audit.models import Checkpoint, Event, Head

# What a hash covers: all of an event but the hash itself. A field added here later must be left out
# of `canonical` where it is empty, or events sealed before it came no longer verify.
FIELDS = (
    "id",
    "at",
    "user_id",
    "user_label",
    "role",
    "address",
    "device",
    "session",
    "method",
    "route",
    "action",
    "patient_id",
    "subject_kind",
    "subject_id",
    "why",
    "details",
    "sequence",
)


@dataclass(frozen=True)
class Anchor:
    """A place in the chain as somebody wrote it down earlier: `SEQUENCE:HASH`."""

    sequence: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Read `SEQUENCE:HASH`.

        Raises:
            ValueError: it is not one.
        """
        sequence, _, digest = text.partition(":")
        if len(digest) != 64:
            raise ValueError("An anchor is SEQUENCE:HASH, the hash 64 hexadecimal digits.")
        return cls(int(sequence), digest)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass
class Report:
    """What `verify` found. Sound when there are no problems.

    Attributes:
        checked: How many events were looked at.
        end: Where the chain ends: an anchor for next time.
        problems: A sentence each, with the sequence it is about.
    """

    end: Anchor
    checked: int = 0
    problems: list[str] = field(default_factory=list)


def link(previous: str, event: Mapping[str, Any]) -> str:
    """Return the hash of an event (its `FIELDS`) that follows the one whose hash is `previous`."""
    return _mac("event", previous, canonical(event))


def checkpoint_mac(sequence: int, digest: str) -> str:
    """Vouch for a place where the chain may begin, so that nobody else can move it."""
    return _mac("checkpoint", str(sequence), digest)


def canonical(event: Mapping[str, Any]) -> str:
    """Write an event's `FIELDS` in the one way that depends on no database and on no order."""
    return json.dumps(
        {name: event[name] for name in FIELDS},
        default=_plain,
        sort_keys=True,
        separators=(",", ":"),
    )


def verify(anchor: Anchor | None = None) -> Report:
    """Recompute the whole chain. Reads only; events may be written and sealed meanwhile.

    Args:
        anchor: A place that must still be as it was. Without one nothing inside the database can
            tell a chain whose end was cut off, head included, from one that never was longer.
    """
    start = Checkpoint.objects.first()
    report = _walk(start, anchor)
    if Checkpoint.objects.first() != start:  # purged meanwhile
        return verify(anchor)
    return report


def _walk(start: Checkpoint | None, anchor: Anchor | None) -> Report:
    begin = Anchor(start.sequence, start.hash) if start else Anchor(0, "")
    report = Report(end=begin)
    if start and not _same(start.mac, checkpoint_mac(start.sequence, start.hash)):
        report.problems.append(f"{start.sequence}: the checkpoint of the last purge is not ours")

    head = Head.objects.first() or Head()  # before the events: all that it counts must be there
    anchored = anchor is None or anchor == begin
    for event in _sealed():
        report.problems += _faults(event, report.end)
        report.end = max(report.end, Anchor(event["sequence"], event["hash"]), key=_sequence)
        report.checked += 1
        anchored = anchored or report.end == anchor

    if anchor is not None and not anchored:
        gone = anchor.sequence < begin.sequence
        what = "purged since, use a newer anchor" if gone else "not as the anchor says"
        report.problems.append(f"{anchor.sequence}: {what}")
    if report.end.sequence < head.sequence:
        report.problems.append(
            f"{report.end.sequence + 1}: missing up to {head.sequence}, the end of the chain"
        )
    elif report.end.sequence == head.sequence and report.end.hash != head.hash:
        report.problems.append(f"{head.sequence}: not the event that the chain ended with")
    elif (Head.objects.first() or Head()).sequence < report.end.sequence:
        report.problems.append(f"{report.end.sequence}: after what was the end of the chain")
    return report


def _faults(event: Mapping[str, Any], before: Anchor) -> Iterator[str]:
    """What is wrong with an event, given the one before it.

    After a fault the walk goes on from the hash that the event claims, so that one changed event is
    one problem and not all that follow.
    """
    sequence, expected = event["sequence"], before.sequence + 1
    if sequence < expected:
        yield f"{sequence}: left behind by a purge, or put in"
    elif sequence > expected:
        yield (
            f"{expected}: missing"
            if sequence == expected + 1
            else f"{expected}: missing up to {sequence - 1}"
        )
    elif not _same(event["hash"], link(before.hash, event)):
        yield f"{sequence}: changed, or not in its place"


def _sealed() -> Iterator[dict[str, Any]]:
    rows = Event.objects.filter(sequence__isnull=False).order_by("sequence")
    return rows.values(*FIELDS, "hash").iterator()


def _sequence(anchor: Anchor) -> int:
    return anchor.sequence


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"An event holds no {type(value).__name__}.")


def _mac(*parts: str) -> str:
    # The key is not SECRET_KEY itself, and what is hashed says what kind of thing it is.
    key = hmac.digest(b"falx.audit", (settings.AUDIT_KEY or settings.SECRET_KEY).encode(), "sha256")
    return hmac.new(key, "\n".join(parts).encode(), "sha256").hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
