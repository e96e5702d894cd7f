"""Whether a caller may still be answered, long after the request came in."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from rest_framework.request import Request

from accounts.api.permissions import user_of
from accounts.models import User


def still_signed_in(request: Request) -> bool:
    """Whether the caller's account and session are what they were when the request began."""
    user = user_of(request)
    if not User.objects.filter(pk=user.pk, is_active=True, role=user.role).exists():
        return False
    return session_lives(request)


def session_lives(request: Request) -> bool:
    session = request.auth if isinstance(request.auth, SessionBase) else request._request.session
    if session.session_key is None:  # signed in by no session, as tests may
        return True
    return SESSION_KEY in type(session)(session.session_key)
