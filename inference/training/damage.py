"""What happens to slices on their way to us, and what is hidden to see where a network looks.

Each takes a slice, uint8 (H, W), and its mask, bool (H, W), and returns both as they are
afterwards; the same generator gives the same damage.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine.preprocess import prepare

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Change = Callable[[Bytes, Mask, np.random.Generator], tuple[Bytes, Mask]]

_MARGIN = 0.15  # of the tumour's longer side, taken away or kept around its box
_NORMAL_SIDE = 512  # pixels; blur and text are as large as on a slice of this side


def _picture_only(change: Callable[[Bytes, np.random.Generator], Bytes]) -> Change:
    return lambda pixels, mask, rng: (change(pixels, rng), mask)


def _as_is(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    return pixels


def _jpeg(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def _blur(pixels: Bytes, _: np.random.Generator) -> Bytes:
    sigma = 1.5 * max(pixels.shape) / _NORMAL_SIDE
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _noise(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    return _bytes(pixels + rng.normal(0, 0.05 * _white(pixels), pixels.shape))


def _brightness(factor: float) -> Change:
    return _picture_only(lambda pixels, _: _bytes(pixels * factor))


def _gamma(exponent: float) -> Change:
    return _picture_only(lambda pixels, _: _bytes(255 * (pixels / 255.0) ** exponent))


def _bias_field(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """A coil's shading: brightness falls to 0.6 and rises to 1.4 across the slice, smoothly."""
    coarse = rng.uniform(0.6, 1.4, (3, 3))
    return _bytes(pixels * cv2.resize(coarse, pixels.shape[::-1], interpolation=cv2.INTER_CUBIC))


def _rotated(pixels: Bytes, mask: Mask, rng: np.random.Generator) -> tuple[Bytes, Mask]:
    height, width = pixels.shape
    angle = 15.0 * rng.choice([-1, 1])
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR)
    shape = cv2.warpAffine(mask.astype(np.uint8), turn, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(turned, np.uint8), shape.astype(bool)


def _mirrored(pixels: Bytes, mask: Mask, _: np.random.Generator) -> tuple[Bytes, Mask]:
    return np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])


def _cropped(pixels: Bytes, mask: Mask, _: np.random.Generator) -> tuple[Bytes, Mask]:
    x0, y0, x1, y1 = prepare(pixels).box
    return np.ascontiguousarray(pixels[y0:y1, x0:x1]), np.ascontiguousarray(mask[y0:y1, x0:x1])


def _halved(pixels: Bytes, mask: Mask, _: np.random.Generator) -> tuple[Bytes, Mask]:
    """Half as many pixels a side; outlines are still compared at the size they were drawn in."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    back = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(back, np.uint8), mask


def _text(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """A name, a date and a side, as consoles burn them into the corners."""
    written = pixels.copy()
    height, width = pixels.shape
    scale = max(height, width) / _NORMAL_SIDE
    for text, (x, y) in (
        ("HADDAD R 1974-03-02", (0.01, 0.04)),
        (f"SE {rng.integers(1, 20)} IM {rng.integers(1, 200)}", (0.01, 0.98)),
        ("W 820 L 410", (0.76, 0.98)),
        ("R", (0.95, 0.5)),
    ):
        place = (int(x * width), int(y * height))
        cv2.putText(
            written, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, 255, 1, cv2.LINE_AA
        )
    return written


def _border(pixels: Bytes, _: np.random.Generator) -> Bytes:
    framed = pixels.copy()
    width = max(2, max(pixels.shape) // 64)
    for band in (framed[:width], framed[-width:], framed[:, :width], framed[:, -width:]):
        band[...] = 200
    return framed


UNDAMAGED = "as it is"
DAMAGES: dict[str, Change] = {
    UNDAMAGED: _picture_only(_as_is),
    "JPEG quality 30": _picture_only(_jpeg),
    "blurred (1.5 px of 512)": _picture_only(_blur),
    "noise (5 % of white)": _picture_only(_noise),
    "brightness +30 %": _brightness(1.3),
    "brightness -30 %": _brightness(0.7),
    "gamma 1.3": _gamma(1.3),
    "gamma 0.7": _gamma(0.7),
    "bias field": _picture_only(_bias_field),
    "turned by 15 degrees": _rotated,
    "mirrored": _mirrored,
    "cropped to the head": _cropped,
    "half the resolution": _halved,
    "burned-in text": _picture_only(_text),
    "light border": _picture_only(_border),
}


def _without_tumor(pixels: Bytes, mask: Mask, _: np.random.Generator) -> tuple[Bytes, Mask]:
    """The box around the tumour, with a margin, filled with the head's median grey."""
    blank = pixels.copy()
    x0, y0, x1, y1 = _box(mask)
    head = pixels[pixels > 0.1 * _white(pixels)]
    blank[y0:y1, x0:x1] = np.median(head) if head.size else 0
    return blank, np.zeros_like(mask)


def _only_tumor(pixels: Bytes, mask: Mask, _: np.random.Generator) -> tuple[Bytes, Mask]:
    """Everything black but that box."""
    blank = np.zeros_like(pixels)
    x0, y0, x1, y1 = _box(mask)
    blank[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
    return blank, mask


# Of prepared slices: nothing is cut out or made brighter because something else is missing.
HIDDEN: dict[str, Change] = {
    "tumour hidden": _without_tumor,
    "all but the tumour hidden": _only_tumor,
}


def _box(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    margin = round(_MARGIN * max(np.ptp(rows), np.ptp(columns)))
    y0, x0 = max(0, rows[0] - margin), max(0, columns[0] - margin)
    return int(x0), int(y0), int(columns[-1] + margin + 1), int(rows[-1] + margin + 1)


def _white(pixels: Bytes) -> float:
    return float(np.percentile(pixels, 99.5))


def _bytes(values: NDArray[np.floating]) -> Bytes:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
