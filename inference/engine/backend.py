"""What the engine asks of whatever runs the networks."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classified:
    """logits: (4,); cam: (4, h, w), how much each place speaks for each class; features: (F,)."""

    logits: FloatArray
    cam: FloatArray
    features: FloatArray


class Backend(Protocol):
    """Runs the two networks on float32 (1, 1, S, S) pictures in 0..1.

    at_once: how many threads may call it at the same time.
    """

    at_once: int

    def for_many(self) -> Self:
        """Return one that is the fastest for many slices, whatever a single one takes."""

    def classify(self, picture: FloatArray) -> Classified:
        """Run the classifier."""

    def segment(self, picture: FloatArray) -> FloatArray:
        """Run the segmenter: (S, S) logits of 'tumour here'."""
