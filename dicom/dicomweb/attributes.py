"""Elements of the DICOM JSON model (PS3.18, annex F) made of what the database knows."""

from datetime import date, datetime, time
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

Json = dict[str, Any]


@cache
def tag_and_vr(keyword: str) -> tuple[str, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise LookupError(keyword)
    return f"{tag:08X}", dictionary_VR(tag)


def dataset(**attributes: Any) -> Json:
    """Return a data set in the order of its tags; empty values make elements without a value."""
    made = (element(keyword, value) for keyword, value in attributes.items())
    return dict(sorted(made))


def element(keyword: str, value: Any) -> tuple[str, Json]:
    """Return a tag and its element. Lists make several values; dicts are items and names."""
    tag, vr = tag_and_vr(keyword)
    many = value if isinstance(value, list) else [value]
    values = [_text(vr, one) for one in many if one not in (None, "")]
    return tag, {"vr": vr, "Value": values} if values else {"vr": vr}


def person_name(family: str, given: str) -> Json | None:
    text = "^".join(filter(None, [_component(family), _component(given)]))
    return {"Alphabetic": text} if text else None


def _component(text: str) -> str:
    """What would end a component of a name, or the name, cannot stand in it (PS3.5, 6.2)."""
    return text.translate({ord(c): " " for c in "^=\\"}).strip()


def _text(vr: str, value: Any) -> Any:
    if vr == "DA" and isinstance(value, date):
        return value.strftime("%Y%m%d")
    if vr == "TM" and isinstance(value, datetime | time):
        return value.strftime("%H%M%S")
    return value
