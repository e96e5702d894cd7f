"""When something happened, as exactly as anybody knows: a year, a month, a day or a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError

from patients.models.history import Precision

_PARTIAL = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_PRECISIONS = {4: Precision.YEAR, 7: Precision.MONTH, 10: Precision.DAY}
_FIRST_OF = {4: "-01-01", 7: "-01", 10: ""}
_EARLIEST_BIRTH = date(1900, 1, 1)
_FARTHEST_EAST = timedelta(hours=14)


@dataclass(frozen=True)
class When:
    """When something happened, written as FHIR R4 writes a dateTime.

    day: `2019`, `2019-05` or `2019-05-03`, where the patient was; of a moment: its day.
    begins: the beginning of that in UTC, or the moment itself.
    """

    day: str
    begins: datetime
    precision: Precision

    @property
    def ends(self) -> datetime:
        """The beginning of what comes after it; of a moment: just after it."""
        first = self.begins
        if self.precision == Precision.TIME:
            return first + timedelta(microseconds=1)
        if self.precision == Precision.DAY:
            return first + timedelta(days=1)
        if self.precision == Precision.MONTH:
            return (first + timedelta(days=31)).replace(day=1)
        return first.replace(year=first.year + 1)


def parse(text: str) -> When:
    """Read a year, a month, a day or a moment; a moment without an offset is in UTC.

    Raises:
        ValueError, OverflowError: it is none.
    """
    if _PARTIAL.fullmatch(text):
        begins = datetime.fromisoformat(text + _FIRST_OF[len(text)]).replace(tzinfo=UTC)
        if begins.year == date.max.year:
            raise ValueError("no year after it")
        return When(text, begins, _PRECISIONS[len(text)])
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError("neither a date nor a moment")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return When(moment.date().isoformat(), moment.astimezone(UTC), Precision.TIME)


def now() -> When:
    moment = timezone.now()
    return When(moment.date().isoformat(), moment, Precision.TIME)


def written(moment: datetime, precision: str) -> str:
    """Write as `parse` reads."""
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    length = {value: length for length, value in _PRECISIONS.items()}
    return text[: length.get(Precision(precision))]


def check(when: When, birth_date: date | None) -> None:
    """Refuse what has not happened yet, and what was before the patient.

    Raises:
        ValidationError: `date_in_future`, `before_birth`.
    """
    now = timezone.now()
    if when.precision == Precision.TIME:
        future = when.begins > now
    else:
        # Today is today where the doctor is: it may have begun there.
        future = when.day > _as_exact(when.day, (now + _FARTHEST_EAST).date())
    if future:
        raise ValidationError("This is in the future.", code="date_in_future")
    if when.day < _as_exact(when.day, birth_date or _EARLIEST_BIRTH):
        raise ValidationError("This is before the patient's birth.", code="before_birth")


def is_before(one: str, other: str) -> bool:
    """Whether a partial date is surely before another one."""
    shared = min(len(one), len(other))
    return one[:shared] < other[:shared]


def _as_exact(day: str, other: date) -> str:
    return other.isoformat()[: len(day)]
