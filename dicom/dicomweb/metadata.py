"""The attributes of stored objects in the DICOM JSON model (PS3.18, annex F), without bulk data."""

import math
from typing import IO, Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom.dicomweb.attributes import Json
from scans.models import Instance

# Longer binary values are addresses, where they can be fetched.
BULK_BYTES = 1024
_PIXEL_DATA = "7FE00010"
_NAMES_OF_NUMBERS = {"FL", "FD"}


def read(instance: Instance, address: str) -> Json:
    """Return what the header of a stored object says.

    Args:
        address: Of the instance; its bulk data is below it.
    """
    with instance.file.open("rb") as opened:
        header = read_header(opened)
    found = _dataset(header, f"{address}/bulkdata")
    found["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # JSON is UTF-8
    found["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax_uid]}
    if instance.rows:
        wide = header.get("BitsAllocated", 16) > 8 and not header_is_encapsulated(header)
        uri = f"{address}/bulkdata/{_PIXEL_DATA}"
        found[_PIXEL_DATA] = {"vr": "OW" if wide else "OB", "BulkDataURI": uri}
    return dict(sorted(found.items()))


def read_header(opened: IO[bytes]) -> pydicom.FileDataset:
    """Read up to the pixels, where the file is then."""
    return pydicom.dcmread(opened, stop_before_pixels=True)


def header_is_encapsulated(header: pydicom.FileDataset) -> bool:
    return bool(header.file_meta.TransferSyntaxUID.is_encapsulated)


def bulk_value(header: Dataset, path: str) -> bytes | None:
    """Return the bytes of the element at a path as `read` gives them; None: no such.

    A path names elements by their tags, and items by their places: `00420011`, `00081140/0/...`.
    """
    *way, last = path.split("/")
    dataset = header
    try:
        for tag, place in zip(way[::2], way[1::2], strict=True):
            dataset = dataset[Tag(int(tag, 16))].value[int(place)]
        found = dataset[Tag(int(last, 16))]
    except (KeyError, IndexError, ValueError, TypeError, OverflowError):
        return None
    return found.value if isinstance(found.value, bytes) else None


def _dataset(dataset: Dataset, address: str) -> Json:
    found: Json = {}
    for tag in sorted(dataset.keys()):
        name = f"{tag:08X}"
        if tag.element == 0:  # group lengths mean nothing outside of a file
            continue
        try:
            found[name] = _element(dataset[tag], f"{address}/{name}")
        except Exception:  # noqa: S112 - one value that means nothing must not cost the rest
            continue
    return found


def _element(element: DataElement, address: str) -> Json:
    if element.VR == "SQ":
        items = [_dataset(item, f"{address}/{place}") for place, item in enumerate(element.value)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if isinstance(element.value, bytes) and len(element.value) > BULK_BYTES:
        return {"vr": element.VR, "BulkDataURI": address}
    made: Json = element.to_json_dict(None, BULK_BYTES * 2)
    if element.VR in _NAMES_OF_NUMBERS and "Value" in made:
        made["Value"] = [_number(value) for value in made["Value"]]
    return made


def _number(value: Any) -> Any:
    """JSON has no word for what is no finite number (PS3.18, F.2.3)."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
