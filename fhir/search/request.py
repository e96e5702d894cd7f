"""From a request's parameters to a search, and the links between its pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing

from accounts.models import User
from fhir.search.pages import Criterion, Place, Search, key_from_json, key_to_json
from fhir.search.values import BadValue, alternatives
from fhir.types import ResourceType

COUNT, MOST = 50, 500
PAGE = "_page"
SALT = "fhir.page"
IGNORED = {"_format", "_pretty", "_elements", "_contained", "_containedType"}
Pairs = Sequence[tuple[str, str]]


@dataclass
class Asked:
    """A search as it was understood. used: the parameters that counted; unknown: those that not."""

    search: Search
    count: int = COUNT
    total: bool = False
    only_count: bool = False
    includes: list[tuple[str, str]] = field(default_factory=list)
    revincludes: list[tuple[str, str]] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    after: Place | None = None


def asked(of: ResourceType, user: User, pairs: Pairs) -> Asked:
    """Understand a search.

    Raises:
        BadValue: a parameter that is known has a value that it cannot have.
    """
    given = dict(pairs)
    after = None
    if PAGE in given:
        pairs, after = opened(given[PAGE], of)
    found = Asked(Search(of, user), after=after)
    criteria: list[Criterion] = []
    sort, ascending = "", False
    for name, value in pairs:
        bare, _, modifier = name.partition(":")
        if not value or bare in IGNORED:
            continue
        if bare == "_count":
            found.count = number(value)
        elif bare == "_total":
            found.total = value in ("accurate", "estimate")
        elif bare == "_summary":
            found.only_count = value == "count"
        elif bare == "_sort":
            sort, ascending = sorting(of, value)
        elif bare in ("_include", "_revinclude"):
            followed = include(value)
            (found.includes if bare == "_include" else found.revincludes).append(followed)
        elif bare in of.searchable:
            values = tuple(alternatives(value))
            if values:
                criteria.append(Criterion(bare, modifier, values))
        else:
            found.unknown.append(name)
            continue
        found.used.append((name, value))
    found.search = Search(of, user, tuple(criteria), sort, ascending)
    return found


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadValue("_count is a whole number.")
    return min(int(text[:9]), MOST)


def sorting(of: ResourceType, text: str) -> tuple[str, bool]:
    """Return by what to sort, and whether upwards: by one thing at a time."""
    name = text.removeprefix("-")
    if name not in of.sortable:
        raise BadValue(f"Sort by one of {', '.join(of.sortable)}.")
    return name, not text.startswith("-")


def include(text: str) -> tuple[str, str]:
    kind, _, name = text.partition(":")
    if not name:
        raise BadValue("Say what to include as Type:parameter.")
    return kind, name.partition(":")[0]


def link(base: str, of: ResourceType, found: Asked) -> str:
    """Return the address of this very search, with what counted in it."""
    query = urlencode(found.used)
    return f"{base}/{of.name}" + (f"?{query}" if query else "")


def next_link(base: str, of: ResourceType, found: Asked, place: Place) -> str:
    """Return the address of the next page.

    What was searched for is within it, signed, so that nobody has to take it apart, and no name of
    a patient that somebody looked for by POST gets into an address to be read.
    """
    return f"{base}/{of.name}?{urlencode({PAGE: sealed(of.name, found.used, place)})}"


def sealed(name: str, pairs: Iterable[tuple[str, str]], place: Place) -> str:
    content = [name, list(pairs), key_to_json(place.key), place.row_id.hex, place.part]
    return signing.dumps(content, salt=SALT, compress=True)


def opened(text: str, of: ResourceType) -> tuple[Pairs, Place]:
    """Read a page's mark back.

    Raises:
        BadValue: it was not given out by us, or for another type.
    """
    try:
        name, pairs, key, row_id, part = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError) as made_up:
        raise BadValue("This is no page that was given out.") from made_up
    if name != of.name:
        raise BadValue(f"This page is of {name}.")
    place = Place(key_from_json(key), UUID(row_id), part)
    return [(str(name), str(value)) for name, value in pairs], place
