"""What search parameters mean for our rows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from fhir.search.values import BadValue, Token, parse_date, parse_token, unescaped
from patients.models.history import Precision
from patients.search import fold

NOTHING = Q(pk__in=())
LONGEST = 200


class Param(Protocol):
    """A search parameter of rows of one kind."""

    @property
    def type(self) -> str:
        """Return what R4 calls its type."""

    @property
    def modifiers(self) -> tuple[str, ...]: ...

    def q(self, value: str, modifier: str) -> Q:
        """Return the rows that one value lets pass.

        Raises:
            BadValue: it can be no value of this parameter.
        """


@dataclass(frozen=True)
class Text:
    """Any of the fields begins with the value, whatever its case; or has it in it, or is it.

    words: any word of `search_text` begins with it, whatever its case and accents.
    """

    fields: tuple[str, ...]
    words: bool = False
    type: str = "string"
    modifiers: tuple[str, ...] = ("exact", "contains")

    def q(self, value: str, modifier: str) -> Q:
        text = checked(unescaped(value))
        if self.words and not modifier:
            folded = fold(text)
            return Q(search_text__startswith=folded) | Q(search_text__contains=f" {folded}")
        lookup = {"exact": "exact", "contains": "icontains"}.get(modifier, "istartswith")
        found = NOTHING
        for name in self.fields:
            found |= Q(**{f"{name}__{lookup}": text})
        return found


@dataclass(frozen=True)
class Tokens:
    """Whatever a function makes of a system and a code."""

    of: Callable[[Token], Q]
    type: str = "token"
    modifiers: tuple[str, ...] = ()

    def q(self, value: str, modifier: str) -> Q:
        token = parse_token(value)
        checked(token.code or "")
        return self.of(token)


def coded(system: str, codes: Mapping[str, Q]) -> Tokens:
    """Return a parameter for a code of one system, each meaning some rows."""

    def of(token: Token) -> Q:
        if token.system not in (None, system):
            return NOTHING
        if token.code is None:
            return ~NOTHING
        return codes.get(token.code, NOTHING)

    return Tokens(of)


def choice(system: str, path: str, values: Mapping[str, Any]) -> Tokens:
    """The same where each code is one value of a field."""
    return coded(system, {code: Q(**{path: value}) for code, value in values.items()})


@dataclass(frozen=True)
class Ref:
    """A reference to a resource of ours: an id, `Type/id`, or its whole address."""

    target: str
    path: str
    type: str = "reference"
    modifiers: tuple[str, ...] = ()

    def q(self, value: str, modifier: str) -> Q:
        kind, _, row_id = unescaped(value).rpartition("/")
        if kind and kind.rpartition("/")[2] != self.target:
            return NOTHING
        try:
            return Q(**{self.path: UUID(row_id)})
        except ValueError:
            return NOTHING


@dataclass(frozen=True)
class Moment:
    """A field with a moment."""

    field: str
    type: str = "date"
    modifiers: tuple[str, ...] = ()

    def q(self, value: str, modifier: str) -> Q:
        return dated(self, value)

    def begins_from(self, moment: datetime) -> Q:
        return Q(**{f"{self.field}__gte": moment})

    def ends_by(self, moment: datetime) -> Q:
        return Q(**{f"{self.field}__lt": moment})

    @property
    def known(self) -> Q:
        return Q(**{f"{self.field}__isnull": False})


@dataclass(frozen=True)
class Day(Moment):
    """A field with a day, which lasts from midnight to midnight."""

    def begins_from(self, moment: datetime) -> Q:
        first = moment.date() if moment == floored(moment, Precision.DAY) else later(moment)
        return Q(**{f"{self.field}__gte": first})

    def ends_by(self, moment: datetime) -> Q:
        return Q(**{f"{self.field}__lt": floored(moment, Precision.DAY).date()})


@dataclass(frozen=True)
class Partial(Moment):
    """A field with the beginning of a year, month or day, or with a moment: another says which."""

    precision: str = "precision"
    lengths: tuple[Precision, ...] = field(default=(Precision.YEAR, Precision.MONTH, Precision.DAY))

    def ends_by(self, moment: datetime) -> Q:
        """A year ends by a moment if it began before the year that the moment is in; and so on."""
        ended = Q(**{self.precision: Precision.TIME, f"{self.field}__lt": moment})
        for length in self.lengths:
            before = floored(moment, length)
            ended |= Q(**{self.precision: length, f"{self.field}__lt": before})
        return ended


def dated(param: Moment, value: str) -> Q:
    """Return what a date lets pass: spans of time compared as FHIR R4, section 3.1.1.4.7 does."""
    given = parse_date(value)
    begins, ends = param.begins_from, param.ends_by
    inside = begins(given.low) & ends(given.high)
    match given.prefix:
        case "eq":
            found = inside
        case "ne":
            found = ~inside
        case "gt":
            found = ~ends(given.high)
        case "lt":
            found = ~begins(given.low)
        case "ge":
            found = ~ends(given.high) | inside
        case "le":
            found = ~begins(given.low) | inside
        case "sa":
            found = begins(given.high)
        case "eb":
            found = ends(given.low)
        case _:  # ap: a tenth of the time between then and now to each side
            slack = abs(timezone.now() - given.low) / 10
            found = ~ends(moved(given.low, -slack)) & ~begins(moved(given.high, slack))
    return found & param.known


def floored(moment: datetime, precision: Precision) -> datetime:
    moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if precision == Precision.DAY:
        return moment
    return moment.replace(day=1, month=1 if precision == Precision.YEAR else moment.month)


def later(moment: datetime) -> Any:
    return moved(floored(moment, Precision.DAY), timedelta(days=1)).date()


def moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return (datetime.max if by > timedelta() else datetime.min).replace(tzinfo=UTC)


def checked(text: str) -> str:
    """Let text pass that databases can compare with.

    Raises:
        BadValue: it has null or half characters, or is too long.
    """
    if "\0" in text or re.search("[\ud800-\udfff]", text):
        raise BadValue("There are characters in it that no text has.")
    if len(text) > LONGEST:
        raise BadValue(f"Search for at most {LONGEST} characters.")
    return text
