"""Times as the hospital's clocks show them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings


def moment(when: datetime) -> str:
    """A time to the minute, with its zone."""
    return f"{local(when):%Y-%m-%d %H:%M %Z}"


def day(when: datetime) -> str:
    return f"{local(when):%Y-%m-%d}"


def local(when: datetime) -> datetime:
    return when.astimezone(ZoneInfo(settings.HOSPITAL_TIME_ZONE))
