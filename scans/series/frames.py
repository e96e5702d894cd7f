"""Where the frames of one object lie in the patient (PS3.3, C.7.6.2; C.7.6.16.2.3 and .4)."""

from collections.abc import Iterator
from typing import Any, TypedDict

import pydicom

from scans.decoding.dicom import is_orientation, value_of

_SPACING_MM = (0.001, 100.0)  # what no scanner does is not a real spacing
_FARTHEST_MM = 10_000.0
_UNIT = 1e-2  # how far a cosine may be beyond 1

# A frame's position (3) and orientation (6: along a row, along a column) in millimetres, DICOM's
# patient coordinates: x to the left, y to the back, z to the head.
Place = list[list[float]]


class Geometry(TypedDict):
    """As `Instance.geometry` keeps it.

    `frames` has a place for each frame, or is empty where the object does not say it of them all.
    """

    spacing_mm: list[float] | None
    thickness_mm: float | None
    between_mm: float | None
    frames: list[Place]


def geometry_of(dataset: pydicom.Dataset, frames: int) -> Geometry:
    """Read the geometry of an image, plain or enhanced."""
    places = [_place(groups) for groups in _groups(dataset, frames)]
    first = next(iter(_groups(dataset, frames)), [dataset])
    return Geometry(
        spacing_mm=_numbers(first, "PixelSpacing", 2, _SPACING_MM),
        thickness_mm=_number(first, "SliceThickness"),
        between_mm=_number(first, "SpacingBetweenSlices"),
        frames=[place for place in places if place] if all(places) else [],
    )


def lifted(dataset: pydicom.Dataset) -> list[pydicom.Dataset]:
    """Return where to look for an attribute of the (first) frame, the most particular first."""
    return next(iter(_groups(dataset, 1)))


def _groups(dataset: pydicom.Dataset, frames: int) -> Iterator[list[pydicom.Dataset]]:
    """Yield, for each frame, the data sets in which its attributes stand."""
    shared = [
        item
        for groups in _items(dataset, "SharedFunctionalGroupsSequence")
        for item in _macros(groups)
    ]
    each = _items(dataset, "PerFrameFunctionalGroupsSequence")[:frames]
    if len(each) == frames:
        for groups in each:
            yield [*_macros(groups), *shared, dataset]
    else:
        for _ in range(frames if frames == 1 else 0):
            yield [*shared, dataset]


def _macros(groups: pydicom.Dataset) -> list[pydicom.Dataset]:
    """The items of all functional group macros, each of which is a sequence of one item."""
    return [item for macro in groups if macro.VR == "SQ" for item in macro.value]


def _items(dataset: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    return list(value_of(dataset, keyword) or ())


def _place(groups: list[pydicom.Dataset]) -> Place | None:
    reach = (-_FARTHEST_MM, _FARTHEST_MM)
    position = _numbers(groups, "ImagePositionPatient", 3, reach)
    directions = _numbers(groups, "ImageOrientationPatient", 6, (-1 - _UNIT, 1 + _UNIT))
    if position is None or directions is None:
        return None
    return [position, directions] if is_orientation(directions) else None


def _number(groups: list[pydicom.Dataset], keyword: str) -> float | None:
    numbers = _numbers(groups, keyword, 1, _SPACING_MM)
    return numbers[0] if numbers else None


def _numbers(
    groups: list[pydicom.Dataset], keyword: str, count: int, limits: tuple[float, float]
) -> list[float] | None:
    """Return `count` numbers of the first of these data sets that has them; None: they are none."""
    value = find(groups, keyword)
    values = (
        list(value) if isinstance(value, list | tuple | pydicom.multival.MultiValue) else [value]
    )
    try:
        numbers = [float(v) for v in values]
    except (TypeError, ValueError, OverflowError):
        return None
    low, high = limits
    return numbers if len(numbers) == count and all(low <= v <= high for v in numbers) else None


def find(groups: list[pydicom.Dataset], keyword: str) -> Any:
    """Return the first value that one of these data sets has; None where none has it."""
    values = (value_of(dataset, keyword) for dataset in groups)
    return next((value for value in values if value not in (None, "")), None)
