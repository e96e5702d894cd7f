"""Which outlines go on from slice to slice: a tumour has depth, what a network imagines often not.

Two connected parts of neighbouring slices belong together where they share a pixel.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@dataclass
class Body:
    """Parts of outlines that hang together. parts: slice -> area in pixels and part numbers."""

    parts: dict[int, dict[int, int]] = field(default_factory=dict)

    @property
    def slices(self) -> list[int]:
        return sorted(self.parts)

    def area_px(self, index: int) -> int:
        """Area on one slice."""
        return sum(self.parts[index].values())

    @property
    def voxels(self) -> int:
        return sum(self.area_px(index) for index in self.parts)

    def absorb(self, other: "Body") -> None:
        for index, areas in other.parts.items():
            self.parts.setdefault(index, {}).update(areas)


class Bodies:
    """Takes a series' outlines in order, one slice at a time; keeps the last one only."""

    def __init__(self) -> None:
        self._all: list[Body] = []
        self._last: npt.NDArray[np.int32] | None = None
        self._of_last: dict[int, Body] = {}

    @property
    def found(self) -> list[Body]:
        return self._all

    def add(self, index: int, mask: Mask | None) -> None:
        """Add slice `index`: bool (H, W); None where it was refused, which ends what goes on."""
        if mask is None or not mask.any():
            self._last, self._of_last = None, {}
            return
        labels, areas = parts_of(mask)
        of_this: dict[int, Body] = {}
        for part, area in areas.items():
            of_this[part] = Body({index: {part: area}})
            self._all.append(of_this[part])
        if self._last is not None and self._last.shape == labels.shape:
            both = (labels > 0) & (self._last > 0)
            pairs = np.unique(np.stack([labels[both], self._last[both]]), axis=1).T
            for part, before in pairs.tolist():
                self._join(of_this, part, before)
        self._last, self._of_last = labels, of_this

    def _join(self, of_this: dict[int, Body], part: int, before: int) -> None:
        kept, gone = self._of_last[before], of_this[part]
        if kept is gone:
            return
        kept.absorb(gone)
        self._all = [body for body in self._all if body is not gone]
        for known in (of_this, self._of_last):
            for number, body in known.items():
                if body is gone:
                    known[number] = kept


def parts_of(mask: Mask) -> tuple[npt.NDArray[np.int32], dict[int, int]]:
    """Number a mask's connected parts from 1: (H, W), and the area of each in pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = {part: int(stats[part, cv2.CC_STAT_AREA]) for part in range(1, count)}
    return np.asarray(labels, np.int32), areas


def kept_parts(mask: Mask, parts: set[int]) -> Mask:
    """What of a mask belongs to these of its parts."""
    labels, _ = parts_of(mask)
    return np.isin(labels, list(parts))
