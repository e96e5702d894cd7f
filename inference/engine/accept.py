"""Is this a slice of a head at all, and sharp enough to be read?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Gate:
    """The features of the training slices, as a Gaussian in its leading directions.

    mean: (F,); components: (K, F), orthonormal rows; scale: (K,), standard deviation along each.
    residual_scale: root mean square of what the components leave over; 0 to ignore it.
    """

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    residual_scale: float = 0.0

    @classmethod
    def load(cls, path: Path) -> "Gate":
        """Read `accept.npz`: mean, components, scale and, optionally, residual_scale."""
        with np.load(path, allow_pickle=False) as arrays:
            residual = float(arrays["residual_scale"]) if "residual_scale" in arrays else 0.0
            return cls(arrays["mean"], arrays["components"], arrays["scale"], residual)


def feature_distance(features: npt.NDArray[np.float32], gate: Gate) -> npt.NDArray[np.float32]:
    """How far the classifier's features (N, F) lie from those of real slices: (N,), about 1 inside.

    Root mean square of the whitened coordinates along the components, joined with the norm of
    what they leave over (Lee et al., 2018, arXiv 1807.03888; residual: Wang et al., 2022,
    arXiv 2203.10807). A photograph lies far away even where the class probabilities are certain.
    """
    centred = np.asarray(features, np.float32) - gate.mean
    coordinates = centred @ gate.components.T
    squared = np.mean((coordinates / gate.scale) ** 2, axis=1)
    if gate.residual_scale > 0:
        left_over = centred - coordinates @ gate.components
        squared = (squared + np.sum(left_over**2, axis=1) / gate.residual_scale**2) / 2
    return np.sqrt(squared).astype(np.float32)
