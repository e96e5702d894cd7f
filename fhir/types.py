"""What a type of resources is: where its rows come from and how they can be searched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from accounts.models import User
from fhir.elements import Json
from fhir.search.params import Moment, Param

Pair = tuple[str, str]


@dataclass(frozen=True)
class Context:
    """For whom resources are made.

    base, dicomweb: our addresses; empty for what goes elsewhere. may: which types may be seen.
    """

    base: str
    dicomweb: str
    user: User | None
    may: Callable[[str], bool] = lambda kind: True


@dataclass(frozen=True)
class Part:
    """A resource that a row makes. A row with several has each under its own name.

    name: behind the row's id in the resource's; empty where the row makes one resource only.
    tokens: what is the same in all of them, by search parameter: searched for without the database.
    present, here: which rows make it, for the database and for a row.
    """

    build: Callable[[Any, Context], Json]
    name: str = ""
    tokens: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)
    present: Q | None = None
    here: Callable[[Any], bool] = lambda row: True

    def resource_id(self, row: Model) -> str:
        return f"{row.pk}.{self.name}" if self.name else str(row.pk)


@dataclass(frozen=True)
class Source:
    """Rows of one model that resources are made of.

    kind: what the audit calls the rows. rows: all of them, ready to be built, with the
    annotations that `params` and `sorts` name and `changed`, when the resource last did.
    visible: which of them somebody may see. patient_of: whose a row is.
    created: when it was made: the order of pages, which no later change disturbs.
    """

    kind: str
    rows: Callable[[], QuerySet[Any]]
    visible: Callable[[User], Q]
    patient_of: Callable[[Any], UUID | None]
    parts: tuple[Part, ...]
    params: Mapping[str, Param] = field(default_factory=dict)
    sorts: Mapping[str, str] = field(default_factory=dict)
    created: str = "created_at"
    changed: str = "changed"

    def for_user(self, user: User) -> QuerySet[Any]:
        return self.rows().filter(self.visible(user))

    def param(self, name: str) -> Param | None:
        return Moment(self.changed) if name == "_lastUpdated" else self.params.get(name)

    def order(self, name: str) -> str | None:
        common = {"": self.created, "_lastUpdated": self.changed}
        return common.get(name) or self.sorts.get(name)


@dataclass(frozen=True)
class ResourceType:
    """A type of resources: one row of the table that routes and CapabilityStatement are made of.

    includes: search parameters whose references `_include` follows, by the element that holds them.
    """

    name: str
    sources: tuple[Source, ...]
    includes: Mapping[str, str] = field(default_factory=dict)
    writable: bool = False
    in_everything: bool = True

    @property
    def slug(self) -> str:
        return self.name.lower()

    @property
    def searchable(self) -> dict[str, str]:
        """Return the type of every search parameter by its name."""
        found = {"_id": "token", "_lastUpdated": "date"}
        for source in self.sources:
            found |= {name: param.type for name, param in source.params.items()}
            for part in source.parts:
                found |= dict.fromkeys(part.tokens, "token")
        return found

    @property
    def sortable(self) -> list[str]:
        return ["_lastUpdated", *dict.fromkeys(name for s in self.sources for name in s.sorts)]
