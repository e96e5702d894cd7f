"""What a system may do, as SMART App Launch writes it, in both of its versions.

`system/Patient.read` (v1) and `system/Patient.rs` (v2) say the same. The resource is one of FHIR's,
`DICOM` for everything under `/dicomweb/`, or `*` for all.
"""

import re
from collections.abc import Iterable
from typing import Any

from rest_framework.request import Request

_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|(?=.)c?r?u?d?s?)")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_WRITING = frozenset("cud")
_LETTERS = {
    "read": "r",
    "search": "s",
    "create": "c",
    "write": "c",
    "update": "u",
    "delete": "d",
}


def parse(scope: str) -> tuple[str, frozenset[str]] | None:
    """Return the resource and the letters of `cruds` of a scope; None if it is no scope."""
    found = _SCOPE.fullmatch(scope)
    return (found[1], frozenset(_V1.get(found[2], found[2]))) if found else None


def covers(scopes: Iterable[str], resource: str, letters: Iterable[str]) -> bool:
    """Whether the scopes together allow all of these letters for a resource."""
    granted: set[str] = set()
    for named, allowed in filter(None, map(parse, scopes)):
        if named in (resource, "*"):
            granted |= allowed
    return granted >= set(letters)


def granted(wanted: Iterable[str], held: Iterable[str]) -> list[str]:
    """Return those of the wanted scopes that whoever holds the others may have."""
    held = list(held)
    parsed = ((scope, parse(scope)) for scope in dict.fromkeys(wanted))
    return [scope for scope, found in parsed if found and covers(held, *found)]


def can_write(scopes: Iterable[str]) -> bool:
    return any(letters & _WRITING for _, letters in filter(None, map(parse, scopes)))


def allows(request: Request, *, resource: str, action: str) -> bool:
    """Whether the scopes of a request allow this; people have roles instead, and may try.

    Args:
        resource: A resource of FHIR, or `DICOM`.
        action: `read`, `search`, `create` (`write` for DICOM), `update` or `delete`.
    """
    access: Any = request.auth
    scopes = getattr(access, "scopes", None)
    return scopes is None or covers(scopes, resource, _LETTERS[action])
