"""`Patient/{id}/$everything`: all that is in one patient's file, page by page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing

from fhir.bundles import entry
from fhir.elements import Json
from fhir.search.pages import Criterion, Place, Search, key_from_json, key_to_json
from fhir.search.request import COUNT, PAGE, number
from fhir.search.values import BadValue, alternatives, parse_date
from fhir.table import TYPES
from fhir.types import Context

SALT = "fhir.everything"


def everything(patient_id: str, given: dict[str, str], context: Context) -> tuple[Json, list[Json]]:
    """Return a page of the file as a Bundle, the Patient first, and its resources.

    Args:
        given: `_count`, `_since`, `_type`, or the mark of a page.

    Raises:
        BadValue: one of them cannot be.
    """
    assert context.user is not None  # noqa: S101 - no view lets nobody in
    begin, place = 0, None
    page = given.get(PAGE, "")
    if page:
        given, begin, place = opened(page, patient_id)
    limit = max(1, number(given.get("_count") or str(COUNT)))
    kinds = wanted(given.get("_type", ""), context)
    since: tuple[Criterion, ...] = ()
    if given.get("_since"):
        moment = parse_date(given["_since"]).low.isoformat()
        since = (Criterion("_lastUpdated", "", (f"ge{moment}",)),)
    found: list[Json] = []
    last: tuple[int, Place] | None = None
    more = False
    for position, kind in enumerate(kinds[begin:], begin):
        if len(found) >= limit:
            more = True
            break
        whose = "_id" if kind == "Patient" else "patient"
        criteria = (Criterion(whose, "", (patient_id,)), *since)
        hits = Search(TYPES[kind], context.user, criteria).page(limit - len(found), place)
        place = None
        found += [hit.built(context) for hit in hits.hits]
        if hits.hits:
            last = position, hits.hits[-1].place
        if hits.more:
            more = True
            break
    bundle: Json = {"resourceType": "Bundle", "type": "searchset"}
    own = f"{context.base}/Patient/{patient_id}/$everything"
    links = [{"relation": "self", "url": f"{own}?{urlencode(given)}" if given else own}]
    if more and last is not None:
        content = [patient_id, given, last[0], key_to_json(last[1].key), last[1].row_id.hex]
        mark = signing.dumps([*content, last[1].part], salt=SALT, compress=True)
        links.append({"relation": "next", "url": f"{own}?{urlencode({PAGE: mark})}"})
    bundle["link"] = links
    if found:
        bundle["entry"] = [entry(context.base, body, "match") for body in found]
    return bundle, found


def wanted(types: str, context: Context) -> list[str]:
    """Return the types to go through, in the table's order: those named, of those allowed.

    Raises:
        BadValue: one is none that a file has.
    """
    all_of = [each.name for each in TYPES.values() if each.in_everything]
    named = alternatives(types)
    if unknown := set(named) - set(all_of):
        raise BadValue(f"There is no {', '.join(sorted(unknown))} in a file.")
    return [name for name in all_of if (not named or name in named) and context.may(name)]


def opened(text: str, patient_id: str) -> tuple[dict[str, str], int, Place]:
    try:
        of, given, begin, key, row_id, part = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError) as made_up:
        raise BadValue("This is no page that was given out.") from made_up
    if of != patient_id:
        raise BadValue("This is a page of another file.")
    return dict(given), int(begin), Place(key_from_json(key), UUID(row_id), int(part))


def first_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known here of a request's parameters."""
    known = {"_count", "_since", "_type", PAGE}
    return {name: str(value) for name, value in values.items() if name in known and value}
