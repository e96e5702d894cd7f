"""A series' outlines as they are stored: packed bits in one npz, which numpy alone can read."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt

from inference.models import SeriesAnalysis

Mask = npt.NDArray[np.bool_]


def pack(packed: Sequence[npt.NDArray[np.uint8]], shapes: Sequence[tuple[int, int]]) -> bytes:
    """Return an npz of slices' masks, each packed along its last axis (`numpy.packbits`).

    `masks`: uint8 (slices, rows, ceil(columns / 8)); `shape`: (slices, rows, columns). Where
    slices differ in size, the smaller ones end in empty rows and columns.
    """
    rows, columns = (max(shape[axis] for shape in shapes) for axis in (0, 1))
    masks = np.zeros((len(packed), rows, (columns + 7) // 8), np.uint8)
    for target, mask in zip(masks, packed, strict=True):
        target[: mask.shape[0], : mask.shape[1]] = mask
    out = BytesIO()
    np.savez_compressed(out, masks=masks, shape=(len(packed), rows, columns))
    return out.getvalue()


def load(analysis: SeriesAnalysis) -> Mask:
    """The tumour of a reading that is done: bool (slices, rows, columns).

    In the geometry's order: `analysis.slices[i]` has the `instance` and the `frame` that
    slice i comes from.

    Raises:
        FileNotFoundError: when the reading has no masks (yet).
    """
    packed, columns = _stored(analysis)
    return np.unpackbits(packed, axis=-1, count=columns).astype(bool)


def load_slice(analysis: SeriesAnalysis, index: int) -> Mask:
    """One slice of it: bool (rows, columns).

    Raises:
        FileNotFoundError: as `load`.
        IndexError: when there is no such slice.
    """
    packed, columns = _stored(analysis)
    return np.unpackbits(packed[index], axis=-1, count=columns).astype(bool)


def _stored(analysis: SeriesAnalysis) -> tuple[npt.NDArray[np.uint8], int]:
    if not analysis.masks:
        raise FileNotFoundError("This reading has no masks.")
    with analysis.masks.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return arrays["masks"], int(arrays["shape"][2])
