"""From the segmenter's logits to a mask of exactly the input's size."""

import cv2
import numpy as np
import numpy.typing as npt

from inference.engine.backend import FloatArray
from inference.engine.preprocess import Prepared

_LARGEST_LOGIT = 30.0  # keeps exp() in range; the sigmoid is 1 long before


def tumor_shares(logits: FloatArray, prepared: Prepared) -> FloatArray:
    """Tumour probability of every pixel of the input, (H, W), from logits (S, S) over the square.

    Probabilities, not the mask, are resampled, so that the edge is as fine as the input.
    """
    shares = 1 / (1 + np.exp(-np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    return prepared.to_input(shares.astype(np.float32))


def outline(
    shares: FloatArray, prepared: Prepared, *, threshold: float, min_area_fraction: float
) -> npt.NDArray[np.bool_]:
    """Return bool (H, W): the tumour, without specks and with holes filled.

    shares: (H, W), see `tumor_shares`. Parts smaller than `min_area_fraction` of the prepared
    square are dropped; a hole is tissue inside the tumour, such as necrosis, and counts.
    """
    mask = (shares >= threshold).astype(np.uint8)
    smallest = min_area_fraction * prepared.square.size
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    keep = np.concatenate([[False], stats[1:count, cv2.CC_STAT_AREA] >= smallest])
    kept = keep[labels].astype(np.uint8)
    contours, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(kept, contours, -1, 1, cv2.FILLED)
    return kept.astype(bool)
