"""From rows to whole resources: with id, version and when they last changed."""

import hashlib
import json
from typing import Any

from fhir.elements import Json, instant, pruned
from fhir.types import Context, Part, Source


def resource(source: Source, part: Part, row: Any, context: Context) -> Json:
    """Return the whole resource that a part makes of a row."""
    changed = getattr(row, source.changed)
    return finished(part.build(row, context), part.resource_id(row), instant(changed))


def finished(body: Json, resource_id: str, changed: str | None) -> Json:
    """Give a resource its id and `meta`, and leave out what is empty.

    The version is a check sum of what is said: it changes when that does, and only then, whatever
    rows the resource is made of.
    """
    said = pruned(body)
    kind = said.pop("resourceType")
    said.pop("id", None)
    canonical = json.dumps([kind, said], sort_keys=True, ensure_ascii=True)
    version = hashlib.sha256(canonical.encode()).hexdigest()[:20]
    meta = {"versionId": version} | ({"lastUpdated": changed} if changed else {})
    return {"resourceType": kind, "id": resource_id, "meta": meta, **said}


def etag(body: Json) -> str:
    return f'W/"{body["meta"]["versionId"]}"'
