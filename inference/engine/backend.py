"""What the engine asks of whatever runs the networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classified:
    """What the first network says of a picture.

    logits: (4,); cam: (4, h, w), how much each place speaks for each class; features: (F,).
    mask: (S, S) logits of 'tumour here' where the same network outlines, else None.
    """

    logits: FloatArray
    cam: FloatArray
    features: FloatArray
    mask: FloatArray | None = None


def averaged(members: Sequence[Classified]) -> Classified:
    """What several networks of one kind say together; features are the first one's."""
    if len(members) == 1:
        return members[0]
    masks = [one.mask for one in members if one.mask is not None]
    return Classified(
        logits=np.mean([one.logits for one in members], axis=0),
        cam=np.mean([one.cam for one in members], axis=0),
        features=members[0].features,
        mask=np.mean(masks, axis=0) if masks else None,
    )


class Backend(Protocol):
    """Runs a release's networks on float32 (1, 1, S, S) pictures in 0..1, for one thread.

    Each is asked about one picture or many, in the way that is fastest for all of them together.
    """

    def recognise(self, pictures: Sequence[FloatArray]) -> list[float]:
        """Run the gate: logits of 'slice of a head'. Releases without one have no need."""

    def classify(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        """Run the classifiers, and average them."""

    def segment(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the segmenter: (S, S) logits of 'tumour here'. Releases without one have no need."""
