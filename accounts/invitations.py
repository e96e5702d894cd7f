"""Letting people in: an admin invites an address, its reader makes the account."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import mails
from accounts.models import Invitation, User
from accounts.services import create_account, refuse_second_account
from backend.api.errors import ApiError, Conflict

KEY_BYTES = 24
REQUIRED = ValidationError("This field is required.", code="required")
REFUSALS = {
    Invitation.Status.ACCEPTED: ("invitation_used", "This invitation was used already."),
    Invitation.Status.REVOKED: ("invitation_revoked", "This invitation was taken back."),
    Invitation.Status.EXPIRED: (
        "invitation_expired",
        "This invitation has expired. Ask for a new one.",
    ),
}


@transaction.atomic
def invite(*, email: str, role: str, by: User) -> Invitation:
    """Mail an invitation; one to the same address that is still open gives way to it.

    Raises:
        Conflict: `account_exists`.
        MailNotSent: nothing is left of the invitation then.
    """
    invitation, key = open_invitation(email=email, role=role, by=by)
    mails.invitation(invitation, key)
    return invitation


def open_invitation(*, email: str, role: str, by: User) -> tuple[Invitation, str]:
    """Return a new invitation and its key, which is kept nowhere; in a transaction of the caller's.

    Raises:
        Conflict: `account_exists`.
    """
    email = email.lower()
    refuse_second_account(email)
    now = timezone.now()
    older = Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None)
    older.update(revoked_at=now)
    invitation = Invitation(email=email, role=role, invited_by=by)
    key = _renew(invitation)
    return invitation, key


@transaction.atomic
def send_again(invitation: Invitation) -> Invitation:
    """Mail a new key with a new time to run; the old key is void.

    Raises:
        Conflict: `invitation_used` or `invitation_revoked`.
        MailNotSent: the old key stays good then.
    """
    invitation = _lock(invitation)
    if invitation.status in (Invitation.Status.ACCEPTED, Invitation.Status.REVOKED):
        raise Conflict(*REFUSALS[invitation.status])
    mails.invitation(invitation, _renew(invitation))
    return invitation


@transaction.atomic
def revoke(invitation: Invitation) -> None:
    """Make the key void; doing so again changes nothing.

    Raises:
        Conflict: `invitation_used`.
    """
    invitation = _lock(invitation)
    if invitation.accepted_at:
        raise Conflict(*REFUSALS[Invitation.Status.ACCEPTED])
    if not invitation.revoked_at:
        invitation.revoked_at = timezone.now()
        invitation.save()


@transaction.atomic
def accept(*, key: str, password: str, **names: Any) -> User:
    """Make the account that an invitation is about, with its role and its address.

    Whoever applied and was approved brings name and licence from the application.

    Raises:
        ApiError: no such key, or the invitation is not open any more.
        Conflict: `account_exists`.
        ValidationError: the password is weak, or a name is missing.
    """
    found = Invitation.objects.select_for_update().filter(key_digest=_digest(key)).first()
    if found is None:
        message = "There is no invitation with this key. Copy all of it from the mail."
        raise ApiError("invitation_unknown", message, field="key")
    if found.status != Invitation.Status.OPEN:
        raise ApiError(*REFUSALS[found.status], field="key")
    fields = {**_from_application(found), **names}
    if missing := {"first_name", "last_name"} - fields.keys():
        raise ValidationError(dict.fromkeys(sorted(missing), REQUIRED))
    user = create_account(email=found.email, password=password, role=found.role, **fields)
    found.user, found.accepted_at = user, timezone.now()
    found.save()
    return user


def _from_application(invitation: Invitation) -> dict[str, Any]:
    application = getattr(invitation, "application", None)
    if application is None:
        return {}
    return {
        "first_name": application.first_name,
        "last_name": application.last_name,
        "licence_number": application.licence_number,
        "licence_body": application.licence_body,
        "licence_country": application.licence_country,
        "licence_approved_at": application.decided_at,
    }


def _renew(invitation: Invitation) -> str:
    key = secrets.token_urlsafe(KEY_BYTES)
    invitation.key_digest = _digest(key)
    invitation.expires_at = timezone.now() + timedelta(days=settings.INVITATION_DAYS)
    invitation.full_clean()
    invitation.save()
    return key


def _digest(key: str) -> str:
    """Return what is kept of a key: 192 random bits need no salt and no stretching."""
    return hashlib.sha256(key.strip().encode()).hexdigest()


def _lock(invitation: Invitation) -> Invitation:
    return Invitation.objects.select_for_update().get(pk=invitation.pk)
