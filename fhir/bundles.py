"""Bundles: pages of what was found, and what comes with it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from fhir.api.outcomes import issue, outcome
from fhir.elements import Json
from fhir.rendering import finished
from fhir.resources.device import device
from fhir.search.pages import Criterion, Search, parse_id
from fhir.search.request import Asked, link, next_link
from fhir.search.values import BadValue
from fhir.sources.documents import release_of
from fhir.table import TYPES
from fhir.types import Context, ResourceType

MOST_REFERRING = 1000


def entry(base: str, body: Json, mode: str) -> Json:
    url = f"{base}/{body['resourceType']}/{body['id']}"
    return {"fullUrl": url, "resource": body, "search": {"mode": mode}}


def searchset(of: ResourceType, asked: Asked, context: Context) -> tuple[Json, list[Json]]:
    """Return a page of a search as a Bundle, and the resources that were looked for.

    Raises:
        BadValue: a value cannot be one of its parameter's.
    """
    links = [{"relation": "self", "url": link(context.base, of, asked)}]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset"}
    if asked.total or asked.only_count or asked.count == 0:
        bundle["total"] = asked.search.count()
    bundle["link"] = links
    if asked.only_count or asked.count == 0:
        return bundle, []
    page = asked.search.page(asked.count, asked.after)
    found = [hit.built(context) for hit in page.hits]
    if page.more:
        url = next_link(context.base, of, asked, page.hits[-1].place)
        links.append({"relation": "next", "url": url})
    entries = [entry(context.base, body, "match") for body in found]
    with_it = [*included(of, asked, found, context), *referring(of, asked, found, context)]
    seen = {(body["resourceType"], body["id"]) for body in found}
    for body in with_it:
        if (key := (body["resourceType"], body["id"])) not in seen:
            seen.add(key)
            entries.append(entry(context.base, body, "include"))
    if asked.unknown:
        entries.append({"resource": ignored(asked), "search": {"mode": "outcome"}})
    if entries:
        bundle["entry"] = entries
    return bundle, found


def ignored(asked: Asked) -> Json:
    names = ", ".join(asked.unknown)
    text = f"Not known here, and left out: {names}."
    return outcome(issue("not-supported", text, severity="warning"))


def included(
    of: ResourceType, asked: Asked, found: Iterable[Json], context: Context
) -> Iterable[Json]:
    """What the resources refer to, as `_include` asks.

    Raises:
        BadValue: nothing is referred to by this.
    """
    wanted: dict[str, list[str]] = {}
    for kind, name in asked.includes:
        if kind != of.name or name not in of.includes:
            raise BadValue(f"Cannot include {kind}:{name}.")
        for body in found:
            for target, row_id in references(body.get(of.includes[name])):
                wanted.setdefault(target, []).append(row_id)
    for target, ids in wanted.items():
        yield from by_ids(target, ids, asked, context)


def references(value: Any) -> Iterable[tuple[str, str]]:
    for each in value if isinstance(value, list) else [value]:
        kind, _, row_id = str(each.get("reference", "")).partition("/") if each else ("", "", "")
        if kind in TYPES:
            yield kind, row_id


def by_ids(kind: str, ids: list[str], asked: Asked, context: Context) -> Iterable[Json]:
    """Return those resources that the caller may see."""
    of = TYPES[kind]
    if not context.may(kind):
        return
    if not of.sources:
        yield from filter(None, (device_of(row_id) for row_id in dict.fromkeys(ids)))
        return
    search = Search(of, asked.search.user, (Criterion("_id", "", tuple(dict.fromkeys(ids))),))
    for hit in search.page(len(ids)).hits:
        yield hit.built(context)


def device_of(device_id: str) -> Json | None:
    release = release_of(device_id)
    return finished(device(release), device_id, None) if release else None


def referring(
    of: ResourceType, asked: Asked, found: Iterable[Json], context: Context
) -> Iterable[Json]:
    """What refers to the resources, as `_revinclude` asks.

    Raises:
        BadValue: it does not refer to them by this, or there is too much of it.
    """
    ids = tuple(body["id"] for body in found)
    for kind, name in asked.revincludes:
        source = TYPES.get(kind)
        params = [s.params.get(name) for s in source.sources] if source else []
        if source is None or not any(getattr(p, "target", None) == of.name for p in params):
            raise BadValue(f"{kind}:{name} does not refer to {of.name}.")
        if not ids or not context.may(kind):
            continue
        page = Search(source, asked.search.user, (Criterion(name, "", ids),)).page(MOST_REFERRING)
        if page.more:
            raise BadValue(f"More than {MOST_REFERRING} {kind} refer to these: ask for fewer.")
        for hit in page.hits:
            yield hit.built(context)


def patients_in(resources: Iterable[Json]) -> list[str]:
    """Ids of the patients whom resources are about, for the audit."""
    ids: dict[str, None] = {}
    for body in resources:
        if body["resourceType"] == "Patient":
            ids[body["id"]] = None
        for name in ("subject", "patient"):
            for kind, row_id in references(body.get(name)):
                if kind == "Patient":
                    ids[row_id] = None
        for part in body.get("entity", ()):  # of an AuditEvent
            for kind, row_id in references(part.get("what")):
                if kind == "Patient":
                    ids[row_id] = None
    return list(ids)


def uuid_of(text: str) -> UUID | None:
    return parse_id(text)[0]
