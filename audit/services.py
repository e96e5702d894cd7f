"""Writing down who did what to patients' data, and keeping it as it was written."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Min, QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.clients import address_of
from accounts.models import User
from audit import chain
from audit.models import Checkpoint, Event, Head, Why

BATCH = 500


def note(
    request: Request | HttpRequest,
    *,
    action: str,
    patient_id: UUID | None = None,
    why: str = "",
    subject: tuple[str, UUID] | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write down that the signed-in caller of `request` does `action` to this patient's data.

    One INSERT, at once: for a write inside its transaction (both happen or neither), for a read
    before anything is shown.

    Args:
        action: `noun.verb`, e.g. `patient.read`, `scan.file`, `history.create`.
        why: What opened the file to the caller: one of `Why`, or nothing where no file is open.
        subject: What exactly, if not the patient: a kind and an id, e.g. `("scan", scan.id)`.
        details: More, fit for JSON: the ids of the patients on a page, the reason of an emergency.

    Raises:
        ValueError: `why` is none of `Why`.
    """
    what = {"patient_id": patient_id, "why": why, "subject": subject, "details": details}
    request.audited = {"action": action} | what  # type: ignore[union-attr]
    route = request.resolver_match
    _write(
        user=request.user if isinstance(request.user, User) else None,
        action=action,
        patient_id=patient_id,
        why=why,
        subject=subject,
        details=details,
        address=address_of(request),
        device=request.META.get("HTTP_USER_AGENT", ""),
        session=session_mark(request),
        method=request.method or "",
        route=route.view_name if route else "",
    )


def noted(request: Request | HttpRequest) -> bool:
    """Whether anything was written down for this request."""
    return hasattr(request, "audited")


def note_as_read(request: Request | HttpRequest) -> None:
    """Write down that the caller was shown what `note` named last.

    For an edit that was rolled back, its event with it, while its answer says how things are now.
    """
    if noted(request):
        last = request.audited  # type: ignore[union-attr]
        noun = last["action"].partition(".")[0]
        note(request, **last | {"action": f"{noun}.read"})


def record(
    *,
    user: User | None,
    action: str,
    patient_id: UUID | None = None,
    why: str = "",
    subject: tuple[str, UUID] | None = None,
    details: dict[str, Any] | None = None,
    address: str = "",
    device: str = "",
) -> None:
    """As `note`, for tasks and commands, where there is no request; no user means Falx itself."""
    _write(
        user=user,
        action=action,
        patient_id=patient_id,
        why=why,
        subject=subject,
        details=details,
        address=address,
        device=device,
    )


def seal() -> int:
    """Append what was written since the last time to the chain; safe to run several at once.

    Returns:
        How many events.
    """
    count = 0
    while Event.objects.filter(sequence=None).exists():
        count += _seal_batch()
    return count


@transaction.atomic
def _seal_batch() -> int:
    head = _locked_head()
    events = list(Event.objects.filter(sequence=None).order_by("at", "id")[:BATCH])
    for event in events:
        head.sequence += 1
        event.sequence = head.sequence
        event.hash = head.hash = chain.link(head.hash, vars(event))
    _unguarded().bulk_update(events, ["sequence", "hash"])
    head.save()
    return len(events)


def purge(*, before: datetime) -> int:
    """Delete the beginning of the chain, as far as everything in it is older than `before`.

    A checkpoint stays, from which the rest verifies, and an event that says what went.

    Returns:
        How many events went.

    Raises:
        Broken: the chain does not verify; purging it would remove what shows where.
    """
    if chain.verify().problems:
        raise Broken
    with transaction.atomic():
        head = _locked_head()
        young = Event.objects.filter(sequence__isnull=False, at__gte=before)
        first_kept = young.aggregate(first=Min("sequence"))["first"]
        last = head.sequence if first_kept is None else first_kept - 1
        end = Event.objects.filter(sequence=last).first()
        if end is None:
            return 0
        Checkpoint.objects.create(
            sequence=last, hash=end.hash, mac=chain.checkpoint_mac(last, end.hash), before=before
        )
        count, _ = _unguarded().filter(sequence__lte=last).delete()
        details = {"before": before.isoformat(), "events": count, "up_to": last}
        record(user=None, action="audit.purge", details=details)
    return count


class Broken(Exception):
    """The chain does not verify."""


def _locked_head() -> Head:
    """Hold the end of the chain until the transaction ends."""
    Head.objects.get_or_create()
    return Head.objects.select_for_update().get()


def _unguarded() -> QuerySet[Event]:
    """Events without the guard against changes: for sealing and purging only."""
    return QuerySet(Event)


def session_mark(request: Request | HttpRequest) -> str:
    """Tell one sign-in from another without keeping the session's key, which is a secret."""
    key = request.META.get("HTTP_X_SESSION_TOKEN") or getattr(
        getattr(request, "session", None), "session_key", None
    )
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else ""


def _write(
    *,
    user: User | None,
    action: str,
    patient_id: UUID | None,
    why: str,
    subject: tuple[str, UUID] | None,
    details: dict[str, Any] | None,
    address: str,
    device: str,
    **rest: str,
) -> None:
    kind, subject_id = subject or ("", None)
    Event(
        user_id=user.id if user else None,
        user_label=_storable(str(user))[:255] if user else "",
        role=user.role if user else "",
        address=address[:64],
        device=_storable(device)[:255],
        action=action,
        patient_id=patient_id,
        subject_kind=kind,
        subject_id=subject_id,
        why=Why(why) if why else "",
        details=_storable(details or {}),
        **rest,
    ).save(force_insert=True)


def _storable(value: Any) -> Any:
    """Return text, or JSON with text in it, as every database can keep it.

    PostgreSQL takes neither null characters nor halves of characters, and what a client made up
    must not keep an access from being written down.
    """
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_storable(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return value
