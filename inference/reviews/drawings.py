"""From what a doctor drew, as polygons or as a picture, to a mask of the slice's size."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.files.uploadedfile import UploadedFile
from django.db.models.fields.files import FieldFile
from PIL import Image

from backend.api.errors import ApiError, TooLarge
from inference.reviews.outlines import Mask, Ring, count_sides, fill
from scans.decoding import DecodeError, decode
from scans.models import Scan

MAX_POINTS = 20_000
"""Points of an outline, all its rings together. A finger on glass draws some hundreds."""

MAX_SIDES = 100_000
"""Pixel sides around a painted mask: more is noise, not an outline."""

MAX_MASK_BYTES = 5 * 1024 * 1024
TOLERANCE_PX = 2.0
"""How far over the slice's edge a point may lie: fingers do. What is over it is cut off."""


def check_rings(data: Any) -> list[Ring]:
    """Return what a client sent, if it is a list of rings of at least three finite [x, y].

    Raises:
        ApiError: `outline_invalid`, `too_few_points`, `too_many_points`, `not_finite`.
    """
    if not isinstance(data, list) or not all(isinstance(ring, list) for ring in data):
        raise _refused("outline_invalid", "An outline is a list of rings, a ring a list of [x, y].")
    if sum(map(len, data)) > MAX_POINTS:
        raise _refused("too_many_points", f"An outline has at most {MAX_POINTS} points.")
    for ring in data:
        if not all(map(_is_point, ring)):
            raise _refused("outline_invalid", "A point of an outline is [x, y], two numbers.")
        if len(ring) < 3:
            raise _refused("too_few_points", "A ring has at least three points.")
        if not all(_is_finite(value) for point in ring for value in point):
            raise _refused("not_finite", "The points of an outline are finite numbers.")
    return data


def mask_of_rings(rings: Sequence[Ring], scan: Scan) -> Mask:
    """Return the bool (H, W) mask of an outline that `check_rings` let through.

    Raises:
        ApiError: `outside_slice`; `outline_empty` when it has rings and no pixel's centre in them.
    """
    width, height = scan.width_px, scan.height_px
    for ring in rings:
        points = np.asarray(ring, np.float64)
        low, high = -0.5 - TOLERANCE_PX, np.array([width, height]) - 0.5 + TOLERANCE_PX
        if (points < low).any() or (points > high).any():
            raise _refused(
                "outside_slice", f"The outline leaves the slice of {width} x {height} pixels."
            )
    mask = fill(rings, (height, width))
    if rings and not mask.any():
        raise _refused("outline_empty", "The outline has no pixel in it.")
    return mask


def mask_of_picture(file: UploadedFile, scan: Scan) -> Mask:
    """Return the bool (H, W) mask painted in a PNG: 0 outside, one other value inside.

    Raises:
        TooLarge: `file_too_large`.
        ApiError: `mask_not_png`, a decoder's code, `mask_wrong_size`, `mask_not_binary`,
            `mask_empty`, `mask_too_ragged`.
    """
    if file.size is not None and file.size > MAX_MASK_BYTES:
        raise TooLarge("file_too_large", "A mask has at most 5 MB.", field="mask")
    try:
        decoded = decode(file.read())
    except DecodeError as broken:
        raise ApiError(broken.code, broken.message, field="mask") from broken
    if decoded.format != "png":
        raise _refused("mask_not_png", "A mask is a PNG.", field="mask")
    pixels = decoded.pixels
    if pixels.shape[:2] != (scan.height_px, scan.width_px):
        size = f"{scan.width_px} x {scan.height_px}"
        raise _refused("mask_wrong_size", f"The mask must have {size} pixels.", field="mask")
    if pixels.ndim == 3:
        if np.ptp(pixels, axis=2).any():
            raise _refused("mask_not_binary", "A mask is black and white.", field="mask")
        pixels = pixels[..., 0]
    values = np.unique(pixels)
    if not values.any():
        raise _refused(
            "mask_empty", "The mask is empty; say so with an empty outline.", field="mask"
        )
    if len(values) != 2 or values[0] != 0:
        raise _refused("mask_not_binary", "A mask has two values: 0 and one other.", field="mask")
    mask = pixels != 0
    if count_sides(mask) > MAX_SIDES:
        raise _refused("mask_too_ragged", "The mask is noise, not an outline.", field="mask")
    return mask


def stored_mask(file: FieldFile) -> Mask:
    """Return a mask that the model or a doctor drew, bool (H, W)."""
    with file.open("rb") as opened:
        return np.asarray(Image.open(opened).convert("L")) > 0


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(type(n) in (int, float) for n in value)
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for any coordinate
        return False


def _refused(code: str, message: str, field: str = "outline") -> ApiError:
    return ApiError(code, message, field=field)
