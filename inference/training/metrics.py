"""The numbers by which a model is judged. All take and give NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
_BINS = 15
_REDRAWN = 2_000  # times that patients are drawn anew


def image_dice(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """Dice of two masks of one slice: 2 |A and B| / (|A| + |B|); 1 when both are empty."""
    total = int(found.sum()) + int(wanted.sum())
    return 2.0 * int((found & wanted).sum()) / total if total else 1.0


def softmax(logits: Array, temperature: float = 1.0) -> Array:
    """(N, C) logits to probabilities, softened by `temperature`."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def fit_temperature(logits: Array, labels: NDArray[np.int64]) -> float:
    """The temperature with the lowest log loss (Guo et al. 2017, arXiv 1706.04599).

    Found on a grid of 1 % steps between 0.2 and 5: finer than any use of it.
    """
    grid = np.exp(np.arange(np.log(0.2), np.log(5.0), 0.01))
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits, t)[rows, labels] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def calibration_error(probabilities: Array, labels: NDArray[np.int64]) -> float:
    """Expected calibration error over 15 equal bins of confidence (Guo et al. 2017)."""
    return float(
        sum(share * abs(sure - right) for sure, right, share in reliability(probabilities, labels))
    )


def reliability(
    probabilities: Array, labels: NDArray[np.int64]
) -> list[tuple[float, float, float]]:
    """Per bin that is not empty: mean confidence, accuracy, share of the slices."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return [
        (
            float(confidence[bins == place].mean()),
            float(right[bins == place].mean()),
            float((bins == place).mean()),
        )
        for place in np.unique(bins)
    ]


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """(C, C) counts: rows are what it is, columns what was said."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def roc_curve(scores: Array, positive: NDArray[np.bool_]) -> tuple[Array, Array, float]:
    """False and true positive rates from the highest score down, and the area under the curve.

    Equal scores are passed together, so that ties neither help nor hurt. Both kinds must occur.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    true_rate = np.concatenate([[0.0], hits / positive.sum()])
    false_rate = np.concatenate([[0.0], (ends + 1 - hits) / (~positive).sum()])
    return false_rate, true_rate, float(np.trapezoid(true_rate, false_rate))


def coverage_curve(confidence: Array, right: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Share of the slices answered, the surest first, and how many of those are right."""
    order = np.argsort(-confidence, kind="stable")
    counts = np.arange(1, len(right) + 1)
    return counts / len(right), np.cumsum(right[order]) / counts


def patient_interval(values: Sequence[float], patients: Sequence[str]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over slices, redrawing whole patients.

    Slices of one patient resemble each other; redrawing slices would promise too much.
    """
    by_patient: dict[str, list[float]] = {}
    for value, patient in zip(values, patients, strict=True):
        by_patient.setdefault(patient, []).append(value)
    groups = [np.asarray(group) for group in by_patient.values()]
    random = np.random.default_rng(0)
    drawn = [
        np.concatenate([groups[i] for i in random.integers(len(groups), size=len(groups))]).mean()
        for _ in range(_REDRAWN)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def correlation(first: Array, second: Array) -> float | None:
    """Spearman's rank correlation; None where one of them does not vary."""
    if any(len(values) < 2 or np.ptp(values) == 0 for values in (first, second)):
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def hausdorff95(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """95th percentile of the distances between two masks' outlines, both ways, in pixels.

    Raises ValueError if either mask is empty: there is no distance to nothing.
    """
    if not found.any() or not wanted.any():
        raise ValueError("the distance to an empty mask is not defined")
    x, y, width, height = cv2.boundingRect((found | wanted).astype(np.uint8))
    part = np.s_[y : y + height, x : x + width]  # nothing outside matters, and it costs time
    ours, theirs = _outline(found[part]), _outline(wanted[part])
    distances = [_distance_to(theirs)[ours], _distance_to(ours)[theirs]]
    return float(np.percentile(np.concatenate(distances), 95))


def _ranks(values: Array) -> Array:
    """Place of each value among all, ties sharing the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask.astype(np.uint8), 1)
    inside = cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    return mask & ~inside


def _distance_to(outline: NDArray[np.bool_]) -> Array:
    """How far each pixel is from the nearest pixel of the outline."""
    background = (~outline).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
