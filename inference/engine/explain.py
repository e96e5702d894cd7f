"""Where the classifier found its evidence, as a translucent map over the slice."""

import cv2
import numpy as np
import numpy.typing as npt

from inference.engine.backend import FloatArray
from inference.engine.preprocess import Prepared
from inference.engine.render import Canvas, canvas

_SHOWN_FROM = 0.45  # of the strongest evidence: what is weaker stays plain slice
_FULL_FROM = 0.9  # of the strongest evidence: as opaque as it gets
_OPACITY = 0.5  # anatomy must stay visible under the strongest evidence
_SMOOTHING = 0.03  # of the square: rounds the steps between the few places the network tells apart


def heatmap(pixels: npt.NDArray[np.uint8], cam: FloatArray, prepared: Prepared) -> Canvas:
    """Lay the class activation map (h, w) of one class over the slice; uint8 RGB.

    The map is exact for a linear head on pooled features (Zhou et al., 2016, arXiv 1512.04150).
    It is scaled to its own maximum: it shows where, not how sure. Colours run in even
    perceived steps (inferno) and only over the head.
    """
    picture = canvas(pixels)
    evidence = np.maximum(cam, 0)
    if evidence.max() <= 0:
        return picture
    strength = _strength(evidence / evidence.max(), prepared, (picture.shape[1], picture.shape[0]))
    x, y, w, h = cv2.boundingRect((strength > _SHOWN_FROM).astype(np.uint8))
    part = np.s_[y : y + h, x : x + w]
    picture[part] = _tinted(picture[part], strength[part])
    return picture


def _tinted(picture: Canvas, strength: npt.NDArray[np.float32]) -> Canvas:
    """Lay colours for strength (H, W) over RGB (H, W, 3), the stronger the more opaque."""
    if strength.size == 0:
        return picture
    place = np.clip((strength - _SHOWN_FROM) / (_FULL_FROM - _SHOWN_FROM), 0, 1)
    opacity = (_OPACITY * place * place * (3 - 2 * place))[..., None]
    # The dark end of the scale would darken the slice instead of marking it.
    shades = np.clip(80 + 165 * (strength - _SHOWN_FROM) / (1 - _SHOWN_FROM), 0, 255)
    colours = cv2.applyColorMap(shades.astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.rint(picture * (1 - opacity) + colours * opacity).astype(np.uint8)


def _strength(
    evidence: FloatArray, prepared: Prepared, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Bring (h, w) evidence in 0..1 to a canvas of `size` (width, height), 0 outside the head."""
    side = 256
    fine = cv2.resize(evidence, (side, side), interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(np.clip(fine, 0, 1), (0, 0), _SMOOTHING * side)
    scaled = np.asarray(smooth / max(float(np.max(smooth)), 1e-6), np.float32)
    head = np.zeros(prepared.shape, np.float32)
    x0, y0, x1, y1 = prepared.box
    head[y0:y1, x0:x1] = _filled(prepared.foreground)
    shown = prepared.to_input(scaled) * head
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _filled(foreground: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the head with its dark inner parts, its edge softened."""
    contours, _ = cv2.findContours(
        foreground.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    head = np.zeros(foreground.shape, np.float32)
    cv2.drawContours(head, contours, -1, 1.0, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(head, (0, 0), 0.01 * max(head.shape)), np.float32)
