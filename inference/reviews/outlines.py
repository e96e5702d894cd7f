"""Outlines as polygons and as masks, and the way between the two without losing a pixel.

Coordinates are [x, y] in pixels of the upright slice, a pixel's centre at whole numbers, as in the
measurements. A pixel is inside when its centre is. Going out, an outline runs along the sides of
its pixels, so its corners lie at halves: filled again it gives the very same mask, and its area is
the number of pixels.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Ring = Sequence[Sequence[float]]
"""A closed line of points [x, y]; the last is joined to the first."""

_RIGHT_TURN, _STRAIGHT, _LEFT_TURN = 1, 0, 3


def fill(rings: Sequence[Ring], shape: tuple[int, int]) -> Mask:
    """Return bool (H, W): the pixels inside by the even-odd rule, as SVG's `evenodd` fills.

    Rings may lie in each other (a hole), cross each other or themselves, and reach over the edge.
    """
    height, width = shape
    # Where a row of pixel centres meets a line, inside and outside swap from there to the right.
    swaps = np.zeros((height, width + 1), bool)
    for ring in rings:
        points = np.asarray(ring, np.float64)
        for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
            (x0, y0), (x1, y1) = (start, end) if start[1] <= end[1] else (end, start)
            # Half open: a corner on a row belongs to one of its two lines only.
            rows = np.arange(max(0, int(np.ceil(y0))), min(height, int(np.ceil(y1))))
            if not rows.size:
                continue
            x = x0 + (rows - y0) / (y1 - y0) * (x1 - x0)
            swaps[rows, np.clip(np.ceil(x), 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(swaps, axis=1)[:, :-1]


def trace(mask: Mask) -> list[list[list[float]]]:
    """Return the rings around a bool (H, W) mask, outer ones clockwise on the screen, holes not.

    Pixels that touch at a corner only are parted. See the module for where the corners lie.
    """
    edges, following, stride = _sides(mask)
    rings = []
    waiting = np.ones(len(edges), bool)
    direction = edges % 4
    successors = following.tolist()
    for first in range(len(edges)):
        if not waiting[first]:
            continue
        loop = [first]
        while (after := successors[loop[-1]]) != first:
            loop.append(after)
        waiting[loop] = False
        turns = direction[loop] != np.roll(direction[loop], 1)
        rows, columns = np.divmod(edges[loop][turns] // 4, stride)
        rings.append((np.stack([columns, rows], axis=1) - 0.5).tolist())
    return rings


def count_sides(mask: Mask) -> int:
    """How many pixel sides part inside from outside: what tracing costs."""
    padded = np.pad(mask, 1)
    return int(
        np.count_nonzero(padded[1:] != padded[:-1])
        + np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    )


def dice(one: Mask, other: Mask) -> float | None:
    """Return the Dice coefficient of two bool (H, W) masks, 0..1; None where both are empty."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / total if total else None


def _sides(mask: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return the directed pixel sides between inside and outside, inside always on their right.

    Returns:
        edges: (N,) corner * 4 + direction (0 right, 1 down, 2 left, 3 up), where a corner is
            row * stride + column, counted from the slice's upper left corner.
        following: (N,) place in `edges` of the side that goes on where each ends.
        stride: corners in a row.
    """
    padded = np.pad(mask, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    leaves = np.stack([se & ~ne, sw & ~se, nw & ~sw, ne & ~nw], axis=-1)
    stride = leaves.shape[1]
    flat = leaves.ravel()
    edges = np.flatnonzero(flat)
    direction = edges % 4
    corner = edges // 4 + np.array([1, stride, -1, -stride])[direction]
    right, straight, left = (
        corner * 4 + (direction + turn) % 4 for turn in (_RIGHT_TURN, _STRAIGHT, _LEFT_TURN)
    )
    following = np.where(flat[right], right, np.where(flat[straight], straight, left))
    return edges, np.searchsorted(edges, following), stride
