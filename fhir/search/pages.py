"""Pages of resources, in an order that inserts do not disturb, by a constant number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet

from accounts.models import User
from fhir.elements import Json
from fhir.rendering import resource
from fhir.search.params import Param
from fhir.search.values import BadValue, parse_token
from fhir.types import Context, Part, ResourceType, Source


@dataclass(frozen=True)
class Criterion:
    """One search parameter as it was given: all criteria hold, of its values one."""

    name: str
    modifier: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a page ended: the last resource's row, and which of that row's resources it was."""

    key: Any
    row_id: UUID
    part: int


@dataclass(frozen=True)
class Hit:
    key: Any
    row: Model
    part: int
    source: Source
    made_by: Part

    @property
    def place(self) -> Place:
        return Place(self.key, self.row.pk, self.part)

    def built(self, context: Context) -> Json:
        return resource(self.source, self.made_by, self.row, context)


@dataclass(frozen=True)
class Page:
    hits: Sequence[Hit]
    more: bool


@dataclass(frozen=True)
class Search:
    """What is looked for among the resources of a type, and in which order."""

    of: ResourceType
    user: User
    criteria: tuple[Criterion, ...] = ()
    sort: str = ""
    ascending: bool = False

    def page(self, limit: int, after: Place | None = None) -> Page:
        """Return up to `limit` resources behind a place.

        One query for each source of the type, and one for each relation that its rows need.

        Raises:
            BadValue: a value cannot be one of its parameter's.
        """
        hits: list[Hit] = []
        for source, parts, rows in self.narrowed():
            hits += self.hits_of(source, parts, rows, limit, after)
        hits.sort(key=lambda hit: hit.part)  # resources of one row stay in their own order
        hits.sort(key=lambda hit: (hit.key, hit.row.pk), reverse=not self.ascending)
        return Page(hits[:limit], len(hits) > limit)

    def count(self) -> int:
        """Return how many resources there are in all.

        Raises:
            BadValue: as `page`.
        """
        total = 0
        for _, parts, rows in self.narrowed():
            ids = self.wanted_ids()
            if ids is not None:
                total += sum(
                    part.here(row) and part.resource_id(row) in ids
                    for row in rows
                    for _, part in parts
                )
                continue
            counts = {
                f"part_{place}": Count("pk", filter=part.present) if part.present else Count("pk")
                for place, part in parts
            }
            total += sum(rows.order_by().aggregate(**counts).values())
        return total

    def narrowed(self) -> Iterable[tuple[Source, list[tuple[int, Part]], QuerySet[Any]]]:
        """The sources that can have something, the parts of them, and their rows."""
        for source in self.of.sources:
            parts = [
                (place, part)
                for place, part in enumerate(source.parts)
                if all(matches(part, criterion) for criterion in self.criteria)
            ]
            conditions = [self.condition(source, criterion) for criterion in self.criteria]
            if not parts or None in conditions or source.order(self.sort) is None:
                continue
            rows = source.for_user(self.user)
            for condition in conditions:
                rows = rows.filter(condition)
            if all(part.present is not None for _, part in parts):
                rows = rows.filter(reduce(or_, (part.present for _, part in parts)))
            yield source, parts, rows

    def condition(self, source: Source, criterion: Criterion) -> Q | None:
        """What a criterion asks of a source's rows; None where the source has no such thing."""
        if criterion.name == "_id":
            return Q(pk__in=[row_id for row_id, _ in map(parse_id, criterion.values) if row_id])
        if any(criterion.name in part.tokens for part in source.parts):
            return Q()
        param = source.param(criterion.name)
        if param is None:
            return None
        return any_of(param, criterion)

    def hits_of(
        self,
        source: Source,
        parts: list[tuple[int, Part]],
        rows: QuerySet[Any],
        limit: int,
        after: Place | None,
    ) -> list[Hit]:
        name = source.order(self.sort)
        assert name is not None  # noqa: S101 - `narrowed` left the others out
        sign = "" if self.ascending else "-"
        rows = rows.order_by(f"{sign}{name}", f"{sign}pk")
        if after is not None:
            beyond = "gt" if self.ascending else "lt"
            rows = rows.filter(
                Q(**{f"{name}__{beyond}": after.key})
                | Q(**{name: after.key, f"pk__{beyond}e": after.row_id})
            )
        ids = self.wanted_ids()
        found: list[Hit] = []
        # A row that the last page ended in may have nothing more: one row more than asked for.
        for row in rows[: limit + 2 + len(ids or ())]:
            key = getattr(row, name)
            for place, part in parts:
                same = after is not None and (key, row.pk) == (after.key, after.row_id)
                if same and after is not None and place <= after.part:
                    continue
                if part.here(row) and (ids is None or part.resource_id(row) in ids):
                    found.append(Hit(key, row, place, source, part))
        return found

    def wanted_ids(self) -> set[str] | None:
        given = [set(c.values) for c in self.criteria if c.name == "_id"]
        return set.intersection(*given) if given else None


def parse_id(text: str) -> tuple[UUID | None, str]:
    """Return the row's id and the part's name; no id where it can be none of ours."""
    row_id, _, name = text.partition(".")
    try:
        found = UUID(row_id)
    except ValueError:
        return None, name
    return (found if str(found) == row_id else None), name


def matches(part: Part, criterion: Criterion) -> bool:
    """Whether a part lets a criterion pass that needs no look at rows."""
    if criterion.name not in part.tokens:
        return True
    pairs = part.tokens[criterion.name]
    for value in criterion.values:
        token = parse_token(value)
        for system, code in pairs:
            if token.system in (None, system) and token.code in (None, code):
                return True
    return False


def any_of(param: Param, criterion: Criterion) -> Q:
    if criterion.modifier and criterion.modifier not in param.modifiers:
        raise BadValue(f"{criterion.name} has no modifier :{criterion.modifier} here.")
    return reduce(or_, (param.q(value, criterion.modifier) for value in criterion.values))


def find(of: ResourceType, user: User, resource_id: str) -> Hit | None:
    """Return one resource that somebody may see."""
    criteria = (Criterion("_id", "", (resource_id,)),)
    return next(iter(Search(of, user, criteria).page(1).hits), None)


def patient_behind(of: ResourceType, resource_id: str) -> tuple[str, UUID, UUID | None] | None:
    """Return whose a resource is, whoever asks: its row's kind and id, and the patient's."""
    row_id, _ = parse_id(resource_id)
    for source in of.sources if row_id else ():
        row = source.rows().filter(pk=row_id).first()
        if row is not None:
            return source.kind, row.pk, source.patient_of(row)
    return None


def key_to_json(key: Any) -> list[str]:
    if isinstance(key, datetime):
        return ["moment", key.isoformat()]
    return ["day", key.isoformat()] if isinstance(key, date) else ["text", str(key)]


def key_from_json(key: Sequence[str]) -> Any:
    kind, text = key
    if kind == "moment":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "day" else text
