"""When and where from the app was last used on each device that is signed in."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.request import Request

from accounts.clients import address_of

NOTED_EVERY_S = 60


def note_seen(session: SessionBase, request: Request | HttpRequest) -> None:
    """Write down that a device asks, once a minute at most: this runs with every request.

    allauth's own middleware sees only browsers.
    """
    try:
        due = cache.add(f"seen:{session.session_key}", 1, timeout=NOTED_EVERY_S)
    except RedisError:  # without Redis the list of devices is merely older
        return
    if due:
        UserSession.objects.filter(session_key=session.session_key).update(
            last_seen_at=timezone.now(), ip=address_of(request)
        )
