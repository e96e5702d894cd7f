"""From a slice of any size to the square picture the networks see, and the way back.

What is trained on is what is served: the training data are prepared by this same function.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_SEARCH_SIDE = 256  # the head is looked for in a picture of at most this side
_BRIGHT_GROUND = 40  # grey level from which an even border is a page or a frame, not empty air
_EVEN_GROUND = 12  # grey levels within which such a page is even
_EVEN_SHARE = 0.8  # of the border: the scan may touch it
_AIR_SHARE_OF_OTSU = 0.4  # Otsu parts bright fat from brain as readily as head from air
_SMALLEST_PART = 0.1  # of the largest part's area: less is text, a marker, noise
_SMALLEST_HEAD = 0.04  # of the picture's area: less is no clear head
_MARGIN = 0.04  # of the longer side of the box
_WHITE_PERCENTILE = 99.5

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the end exclusive."""


@dataclass(frozen=True)
class Prepared:
    """A slice ready for the networks, and the geometry to go back.

    square: uint8 (P, P), grey, the head's box padded to a square with black.
    foreground: bool, the same box without padding: where the head is.
    box: where the box lies in the input. shape: the input's (H, W).
    """

    square: npt.NDArray[np.uint8]
    foreground: npt.NDArray[np.bool_]
    box: Box
    shape: tuple[int, int]

    def resized(self, size: int) -> npt.NDArray[np.float32]:
        """Return the square at (1, 1, size, size), 0..1."""
        return _resize(self.square, size).astype(np.float32)[None, None] / np.float32(255)

    def crop(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Cut a picture of the input's (H, W), such as its mask, to the same (P, P) square."""
        x0, y0, x1, y1 = self.box
        return _padded(picture[y0:y1, x0:x1])

    def to_input(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Bring (s, s) values over the square back to the input's (H, W); 0 outside the box."""
        side = self.square.shape[0]
        full = cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)
        x0, y0, x1, y1 = self.box
        top, left = _offsets(y1 - y0, x1 - x0)
        out = np.zeros(self.shape, np.float32)
        out[y0:y1, x0:x1] = full[top : top + y1 - y0, left : left + x1 - x0]
        return out


def prepare(pixels: npt.NDArray[np.uint8]) -> Prepared:
    """Find the head in a uint8 slice, (H, W) or (H, W, 3) RGB, cut it out and even its brightness.

    Works for any plane and size, on a dark or a bright ground, with or without burned-in text.
    Where no head stands out, the whole picture is kept. The 99.5th percentile of the head
    becomes white.
    """
    box, head, grey = _find_head(to_grey(pixels))
    x0, y0, x1, y1 = box
    cut = grey[y0:y1, x0:x1]
    foreground = head[y0:y1, x0:x1]
    bright = cut[foreground] if foreground.any() else cut
    white = max(1.0, float(np.percentile(bright, _WHITE_PERCENTILE)))
    stretched = cv2.convertScaleAbs(cut, alpha=255 / white)
    return Prepared(
        square=_padded(np.asarray(stretched, np.uint8)),
        foreground=foreground,
        box=box,
        shape=(grey.shape[0], grey.shape[1]),
    )


def to_grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W) for (H, W) or (H, W, 3) RGB."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _find_head(
    grey: npt.NDArray[np.uint8],
) -> tuple[Box, npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
    """Return the head's box, where the head is, and `grey` with a bright ground made black."""
    height, width = grey.shape
    scale = min(1.0, _SEARCH_SIDE / max(height, width))
    small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA), np.uint8)
    ground = _bright_ground(small)
    if ground is not None:
        small = np.where(ground, np.uint8(0), small)
        grey = np.where(_enlarged(ground, width, height), np.uint8(0), grey)
    head = _head_mask(small)
    if np.count_nonzero(head) < _SMALLEST_HEAD * head.size:
        head[:] = 1
    x, y, w, h = cv2.boundingRect(head)
    margin = _MARGIN * max(w, h)
    box = (
        max(0, int(np.floor((x - margin) * width / small_size[0]))),
        max(0, int(np.floor((y - margin) * height / small_size[1]))),
        min(width, int(np.ceil((x + w + margin) * width / small_size[0]))),
        min(height, int(np.ceil((y + h + margin) * height / small_size[1]))),
    )
    return box, _enlarged(head.astype(bool), width, height), grey


def _bright_ground(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_] | None:
    """Where a page or a frame lies around the scan; None where the scan lies on dark air."""
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    level = float(np.median(border))
    if level < _BRIGHT_GROUND or np.mean(np.abs(border - level) <= _EVEN_GROUND) < _EVEN_SHARE:
        return None
    alike = (np.abs(small - level) <= _EVEN_GROUND).astype(np.uint8)
    _, labels = cv2.connectedComponents(alike)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    ground = np.isin(labels, touching[touching > 0]).astype(np.uint8)
    # The rim mixes page and scan; left bright it would pass for a skull.
    return np.asarray(cv2.dilate(ground, np.ones((5, 5), np.uint8)), bool)


def _enlarged(mask: npt.NDArray[np.bool_], width: int, height: int) -> npt.NDArray[np.bool_]:
    full = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, bool)


def _head_mask(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    blurred = cv2.GaussianBlur(small, (5, 5), 0)
    otsu, _ = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    bright = (blurred > max(2.0, _AIR_SHARE_OF_OTSU * otsu)).astype(np.uint8)
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return _large_parts(np.asarray(opened, np.uint8))


def _large_parts(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Keep the largest connected part and those not much smaller."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = np.concatenate([[False], areas >= _SMALLEST_PART * areas.max()])
    return keep[labels].astype(np.uint8)


def _offsets(height: int, width: int) -> tuple[int, int]:
    side = max(height, width)
    return (side - height) // 2, (side - width) // 2


def _padded(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = picture.shape
    top, left = _offsets(height, width)
    square = np.zeros((max(height, width),) * 2, picture.dtype)
    square[top : top + height, left : left + width] = picture
    return square


def _resize(square: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    shrinking = square.shape[0] > size
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), np.uint8)
