"""Second factors: who must have one, and which sessions have shown one.

allauth asks whoever has a second factor for it at sign-in. What it does not do is require one: a
session is noted here when it shows or sets one up, and for the roles in `MFA_REQUIRED_ROLES` only
such sessions reach anything but sign-in, account and set-up.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_used
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.http import HttpRequest
from rest_framework import status

from accounts.models import User
from accounts.services import end_sessions
from backend.api.errors import ApiError

SESSION_KEY = "second_factor_of"
# Recovery codes stand in for one of these; alone they are none.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class SecondFactorRequired(ApiError):
    """Signed in, but not far enough for this."""

    status_code = status.HTTP_403_FORBIDDEN

    def __init__(self, user: User) -> None:
        has = is_enrolled(user)
        message = "Confirm your second factor first." if has else "Set up a second factor first."
        super().__init__("second_factor_required", message, enrolled=has)


def is_enrolled(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_required(user: User) -> bool:
    return user.role in settings.MFA_REQUIRED_ROLES


def is_missing(user: User, session: SessionBase) -> bool:
    """Tell whether this session of the user's must show a second factor before it goes on."""
    return is_required(user) and session.get(SESSION_KEY) != str(user.pk)


@receiver(authenticator_added)
def note_set_up(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Let a user's first second factor count as shown here, and end sessions that never had one.

    What is added to it later, like recovery codes, shows nothing.
    """
    others = Authenticator.objects.filter(user=user, type__in=FACTORS).exclude(pk=authenticator.pk)
    if authenticator.type in FACTORS and not others.exists():
        request.session[SESSION_KEY] = str(user.pk)
        end_sessions(user, but=request.session.session_key)


@receiver(authenticator_used)
def note_shown(request: HttpRequest, user: User, **_: Any) -> None:
    request.session[SESSION_KEY] = str(user.pk)


@receiver(authenticator_removed)
def note_gone(request: HttpRequest, user: User, **_: Any) -> None:
    """A session whose user has just removed their last second factor must set up another."""
    if not is_enrolled(user):
        request.session.pop(SESSION_KEY, None)
