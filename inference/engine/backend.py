"""What the engine asks of whatever runs the networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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
    """Runs the two networks on float32 (1, 1, S, S) pictures in 0..1, for one thread."""

    def classify(self, picture: FloatArray) -> Classified:
        """Run the classifier."""

    def segment(self, picture: FloatArray) -> FloatArray:
        """Run the segmenter: (S, S) logits of 'tumour here'."""

    def classify_all(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        """Run the classifier on many: the fastest way for all of them together."""

    def segment_all(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the segmenter on many."""
