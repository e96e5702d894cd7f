"""Small parts that resources are made of, as plain JSON."""

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

Json = dict[str, Any]
_UNFIT = re.compile(r"[^\S \r\n\t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")


def pruned(value: Any) -> Any:
    """Return JSON without anything empty: FHIR allows neither empty arrays, objects nor texts.

    Nor blanks but space, tab and line breaks, nor control characters (R4, string): each such is a
    space.
    """
    if isinstance(value, dict):
        kept = {name: pruned(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if not _is_empty(inner)}
    if isinstance(value, list):
        return [inner for inner in map(pruned, value) if not _is_empty(inner)]
    if isinstance(value, str):
        text = _UNFIT.sub(" ", value)
        return text if text.strip() else ""
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def reference(kind: str, row_id: UUID | str | None, display: str = "") -> Json | None:
    """Return a reference within this server; None to nobody."""
    if row_id is None:
        return None
    return {"reference": f"{kind}/{row_id}", "display": display}


def person(user: Any) -> Json | None:
    """Return a reference to whoever wrote, read or asked; None where the account is gone."""
    return reference("Practitioner", user.pk, str(user)) if user else None


def instant(moment: datetime | None) -> str | None:
    """Write a moment in UTC to the millisecond (R4, instant)."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None
