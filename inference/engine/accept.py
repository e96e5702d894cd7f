"""Is this a slice of a head at all, and sharp enough to be read?

Two stages. `look` asks simple questions of the picture, before any network: each bound lies well
outside what 3,829 real slices show, so it refuses only what is plainly something else. Then the
release's gate, a small network, says how much a picture is like a slice of a head. Releases without
one compare the classifier's features with those of real slices instead: `FeatureSpace`.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.engine.preprocess import Prepared, to_grey
from inference.engine.reading import Reason

_LOOK_SIDE = 256  # pixels; sharpness is judged at the size the networks see
_LEAST_CONTRAST = 12  # grey levels between the 0.5th and 99.5th percentile
_COLOURED = 24  # difference between a pixel's channels from which it is coloured
_MOST_COLOURED = 0.1  # of the pixels: leaves room for a coloured marker or a logo
_MOST_SPECKLED = 1.0  # Laplacian over intensity deviation; real slices: 0.09 to 0.94
_LEAST_SHARP = 0.06  # the same ratio; a Gaussian blur of 3 px at 256 px gives 0.04
_LEAST_ENTROPY = 2.2  # bits of a 64-bin histogram; real slices: 2.4 to 5.7
_LEAST_MAIN_PART = 0.4  # of the bright area in one piece; real slices: at least 0.51
_MOST_FILLED = 0.95  # of the head's box; a rounded head in air: 0.4 to 0.85


def look(pixels: npt.NDArray[np.uint8], prepared: Prepared) -> Reason | None:
    """Return why the picture cannot be a readable slice; None where nothing speaks against it.

    pixels: uint8 (H, W) or (H, W, 3) as decoded. Codes: blank_image, not_grayscale,
    not_brain_mri, too_blurred.
    """
    if _contrast(pixels) < _LEAST_CONTRAST:
        return Reason("blank_image", "The image is blank or nearly so.")
    if _coloured_share(pixels) > _MOST_COLOURED:
        return Reason(
            "not_grayscale", "The image is in colour; a brain MRI slice is a grey-scale image."
        )
    square = prepared.resized(_LOOK_SIDE)[0, 0]
    deviation = max(float(square.std()), 1e-6)
    sharpness = float(cv2.Laplacian(square, cv2.CV_32F).std()) / deviation
    if sharpness > _MOST_SPECKLED:
        return _not_brain("it consists of noise, text or fine patterns")
    if _entropy(square) < _LEAST_ENTROPY:
        return _not_brain("it has too few shades of grey to show tissue")
    if _main_part(prepared.foreground) < _LEAST_MAIN_PART:
        return _not_brain("it shows many separate objects instead of one head")
    if float(prepared.foreground.mean()) > _MOST_FILLED:
        return _not_brain("no outline of a head stands out from its background")
    if sharpness < _LEAST_SHARP:
        return Reason("too_blurred", "The image is too blurred to be read reliably.")
    return None


def recognise(logit: float, threshold: float) -> Reason | None:
    """Return a refusal where the gate's logit of 'slice of a head' is too low."""
    return _STRANGE if logit < threshold else None


def compare(
    features: npt.NDArray[np.float32], space: "FeatureSpace", threshold: float
) -> Reason | None:
    """Return a refusal where the classifier's features (F,) lie too far from real slices."""
    distance = float(feature_distance(features[None], space)[0])
    return _STRANGE if distance > threshold else None


@dataclass(frozen=True)
class FeatureSpace:
    """The directions in which the features of real slices differ.

    mean: (F,); components: (K, F), orthonormal rows.
    """

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]

    @classmethod
    def load(cls, path: Path) -> "FeatureSpace":
        """Read `accept.npz`: mean and components."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(mean=arrays["mean"], components=arrays["components"])


def feature_distance(
    features: npt.NDArray[np.float32], space: FeatureSpace
) -> npt.NDArray[np.float32]:
    """How far the classifier's features (N, F) lie from those of real slices: (N,), 0 to about 1.

    The part of the centred features that the space's directions cannot express, over the length of
    the features: the residual of Wang et al., 2022, arXiv 2203.10807, made independent of
    how strongly a picture excites the network. A photograph lies far away even where the class
    probabilities are certain.
    """
    features = np.asarray(features, np.float32)
    centred = features - space.mean
    left_over = centred - (centred @ space.components.T) @ space.components
    length = np.maximum(np.linalg.norm(features, axis=1), np.float32(1e-6))
    return np.asarray(np.linalg.norm(left_over, axis=1) / length, np.float32)


def _not_brain(why: str) -> Reason:
    return Reason("not_brain_mri", f"The image does not look like a brain MRI slice: {why}.")


_STRANGE = _not_brain("it does not resemble the slices the models know")


def _contrast(pixels: npt.NDArray[np.uint8]) -> float:
    low, high = np.percentile(_thinned(to_grey(pixels)), (0.5, 99.5))
    return float(high - low)


def _coloured_share(pixels: npt.NDArray[np.uint8]) -> float:
    if pixels.ndim == 2:
        return 0.0
    thin = _thinned(pixels)
    return float(np.mean(thin.max(axis=2) - thin.min(axis=2) > _COLOURED))


def _thinned(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Keep every n-th row and column: shares and percentiles need no more."""
    step = max(1, max(pixels.shape[:2]) // 1024)
    return pixels[::step, ::step]


def _entropy(square: npt.NDArray[np.float32]) -> float:
    counts = np.bincount((square * 63).astype(np.int64).ravel(), minlength=64)
    shares = counts[counts > 0] / square.size
    return float(-(shares * np.log2(shares)).sum())


def _main_part(foreground: npt.NDArray[np.bool_]) -> float:
    small = cv2.resize(foreground.astype(np.uint8), (128, 128), interpolation=cv2.INTER_NEAREST)
    count, _, stats, _ = cv2.connectedComponentsWithStats(small)
    if count < 2:
        return 0.0
    areas = stats[1:, cv2.CC_STAT_AREA]
    return float(areas.max() / areas.sum())
