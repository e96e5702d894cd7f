"""The values of search parameters as clients write them (FHIR R4, section 3.1.1.4)."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?"
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.(?P<part>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+ -][0-9]{2}:[0-9]{2})?)?)?)?"
)


class BadValue(ValueError):
    """This cannot be a value of this parameter; the sentence says why."""


@dataclass(frozen=True)
class DateValue:
    """A prefix and a span of time, in UTC: from `low` on, up to and not at `high`."""

    prefix: str
    low: datetime
    high: datetime


def parse_date(text: str) -> DateValue:
    """Read a date as exact as it was written; one without an offset is in UTC.

    Raises:
        BadValue: it is none.
    """
    found = _DATE.fullmatch(text.strip())
    if found is None or (found["prefix"] or "eq") not in PREFIXES:
        raise BadValue(f"{text!r} is no date: ge2020-01-31, 2020, 2020-01-31T10:00:00Z.")
    try:
        low, high = _span(found)
    except (ValueError, OverflowError) as impossible:
        raise BadValue(f"There is no such date: {text!r}.") from impossible
    return DateValue(found["prefix"] or "eq", low, high)


def _span(found: "re.Match[str]") -> tuple[datetime, datetime]:
    year, month, day = (int(found[name] or 1) for name in ("year", "month", "day"))
    start = datetime(year, month, day, tzinfo=UTC)
    if found["month"] is None:
        return start, start.replace(year=year + 1)
    if found["day"] is None:
        return start, start + timedelta(days=monthrange(year, month)[1])
    if found["hour"] is None:
        return start, start + timedelta(days=1)
    part = (found["part"] or "")[:6]
    low = datetime(
        year,
        month,
        day,
        int(found["hour"]),
        int(found["minute"]),
        int(found["second"] or 0),
        int(part.ljust(6, "0")),
        tzinfo=_zone(found["zone"]),
    ).astimezone(UTC)
    if found["second"] is None:
        return low, low + timedelta(minutes=1)
    return low, low + timedelta(microseconds=10 ** (6 - len(part)))


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    # A plus that nobody encoded arrives as a space.
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59:
        raise ValueError("no offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


@dataclass(frozen=True)
class Token:
    """system: None where any will do; empty where there must be none. code: None for any."""

    system: str | None
    code: str | None


def parse_token(text: str) -> Token:
    """Read `code`, `system|code`, `|code` or `system|`.

    Raises:
        BadValue: it is empty.
    """
    parts = re.split(r"(?<!\\)\|", text, maxsplit=1)
    parts = [unescaped(part) for part in parts]
    if not any(parts):
        raise BadValue("Give a code, or a system and a code: system|code.")
    if len(parts) == 1:
        return Token(None, parts[0])
    return Token(parts[0], parts[1] or None)


def alternatives(text: str) -> list[str]:
    """Split at commas that are not escaped; what is between them is still escaped."""
    parts: list[str] = [""]
    escaped = False
    for character in text:
        if character == "," and not escaped:
            parts.append("")
            continue
        parts[-1] += character
        escaped = character == "\\" and not escaped
    return [part for part in parts if part]


def unescaped(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text)
