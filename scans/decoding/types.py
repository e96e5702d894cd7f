"""What decoding gives back, and the one error it raises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

MAX_PIXELS = 25_000_000
"""Largest picture that is decoded at all. The header is asked before any pixel is unpacked."""

MIN_SIDE = 32
"""Smallest side, in pixels, on which anything could be recognised."""

MAX_SIDE_RATIO = 4
"""Longest over shortest side. No slice is a ribbon, and squaring one would fill the memory."""


class DecodeError(ValueError):
    """The file cannot be read as one slice.

    `code` is stable and meant for programs; `message` is a sentence meant for a doctor.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class DicomInfo:
    """What a DICOM header says about where the slice belongs. Absent or unusable values: None."""

    study_uid: str | None
    series_uid: str | None
    instance_uid: str | None
    instance_number: int | None
    modality: str | None
    study_description: str | None
    series_description: str | None
    acquired_at: datetime | None


@dataclass(frozen=True)
class DecodedSlice:
    """One slice as a viewer would show it.

    pixels: uint8, (H, W) grey or (H, W, 3) RGB.
    spacing_mm: distance between rows and between columns, only where the file really states it.
    row_direction: where rows run, from the first column to the last: a unit vector in DICOM's
        patient coordinates (x to the left, y to the back, z to the head); None where the file does
        not say it.
    """

    pixels: npt.NDArray[np.uint8]
    format: Literal["png", "jpeg", "dicom"]
    spacing_mm: tuple[float, float] | None = None
    dicom: DicomInfo | None = None
    row_direction: tuple[float, float, float] | None = None


def check_size(width: int, height: int) -> None:
    """Refuse pictures too large to unpack safely or too small to read.

    Raises DecodeError: image_too_large, image_too_narrow, image_too_small.
    """
    if width * height > MAX_PIXELS:
        raise DecodeError(
            "image_too_large",
            f"The image has {width} x {height} pixels; at most "
            f"{MAX_PIXELS // 1_000_000} million can be read.",
        )
    if max(width, height) > MAX_SIDE_RATIO * min(width, height) > 0:
        raise DecodeError(
            "image_too_narrow",
            f"The image has {width} x {height} pixels; its sides may differ by at most "
            f"{MAX_SIDE_RATIO} to 1.",
        )
    if min(width, height) < MIN_SIDE:
        raise DecodeError(
            "image_too_small",
            f"The image has {width} x {height} pixels; each side needs at least {MIN_SIDE}.",
        )
