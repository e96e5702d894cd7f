"""From the classifier's logits to calibrated probabilities."""

import numpy as np

from inference.engine.backend import FloatArray
from inference.engine.release import CLASSES


def probabilities(logits: FloatArray, temperature: float) -> dict[str, float]:
    """Softmax of logits (4,) over a temperature fitted on held-out slices; sums to 1.

    Temperature scaling: Guo et al., 2017, arXiv 1706.04599.
    """
    scaled = logits.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max())
    shares /= shares.sum()
    return dict(zip(CLASSES, shares.tolist(), strict=True))
