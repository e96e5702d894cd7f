"""What to say when the answer is not sure: several classes, or none. Fitted on validation slices.

The guarantee of a prediction set holds on average over slices drawn as the validation slices were.
Slices of one patient are not drawn one by one, and other scanners are not drawn that way at all, so
the coverage that was reached on the test side is reported beside the one that was asked for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def set_threshold(probabilities: Array, labels: NDArray[np.int64], coverage: float) -> float:
    """The probability from which a class belongs to the set, from validation slices (N, C).

    Split conformal prediction with the smallest sets on average (Sadinle et al. 2019,
    arXiv 1609.00451). 0 (every class, always) where N is too small to promise `coverage`.
    """
    own = np.sort(probabilities[np.arange(len(labels)), labels])[::-1]
    needed = math.ceil((len(own) + 1) * coverage)
    return float(own[needed - 1]) if needed <= len(own) else 0.0


def prediction_sets(probabilities: Array, threshold: float) -> NDArray[np.bool_]:
    """(N, C): which classes belong to each slice's set; the most likely class always does."""
    sets = probabilities >= threshold
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return sets


def abstention_threshold(probabilities: Array, labels: NDArray[np.int64], accuracy: float) -> float:
    """The lowest confidence from which at least `accuracy` of the answers are right.

    Every answer of at least this confidence counts. 1 where no confidence reaches `accuracy`.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for threshold in np.unique(confidence):
        if right[confidence >= threshold].mean() >= accuracy:
            return float(threshold)
    return 1.0
