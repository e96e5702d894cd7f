"""Writing down who did what to patients' data."""

import hashlib
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User
from audit.models import Event, Why


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
    route = request.resolver_match
    _write(
        user=request.user if isinstance(request.user, User) else None,
        action=action,
        patient_id=patient_id,
        why=why,
        subject=subject,
        details=details,
        address=request.META.get("REMOTE_ADDR", ""),
        device=request.META.get("HTTP_USER_AGENT", ""),
        session=session_mark(request),
        method=request.method or "",
        route=route.view_name if route else "",
    )


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
    """The same for tasks and commands, where there is no request; no user means Falx itself."""
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
        user_label=str(user)[:255] if user else "",
        role=user.role if user else "",
        address=address[:64],
        device=device[:255],
        action=action,
        patient_id=patient_id,
        subject_kind=kind,
        subject_id=subject_id,
        why=Why(why) if why else "",
        details=details or {},
        **rest,
    ).save(force_insert=True)
