"""Pictures for a doctor: the outlined slice, and the canvas all of them are drawn on."""

import cv2
import numpy as np
import numpy.typing as npt

from inference.engine.reading import Measurements

_SHORT_SIDE = 512  # pixels a canvas has at least, so that lines stay thin against the slice
_LONG_SIDE = 2048  # pixels up to which a small input is enlarged for that
_LINE_SHARE = 1 / 500  # of the canvas's shorter side: 1 px at 512
MODELS_OUTLINE = (255, 209, 26)  # amber: occurs in no grey slice, readable on white and on black
DOCTORS_OUTLINE = (255, 122, 222)  # pink: told from amber with any colour vision
_OUTER_OPACITY = 0.45  # of the line around what may be tumour as well
_CALIPER = (94, 214, 255)
_CASING = 0.6  # opacity of the dark rim that keeps a line readable on bright tissue
_TICK = 5  # line widths from the caliper's line to the end of its tick
_SUBPIXEL_BITS = 4  # OpenCV draws at 1/16 px

Canvas = npt.NDArray[np.uint8]


def canvas(pixels: npt.NDArray[np.uint8]) -> Canvas:
    """Return uint8 RGB of the slice, (H, W) or (H, W, 3), enlarged to 512 px where it is small."""
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    height, width = rgb.shape[:2]
    scale = max(1.0, min(_SHORT_SIDE / min(height, width), _LONG_SIDE / max(height, width)))
    if scale == 1:
        return rgb.copy()
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def overlay(
    pixels: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    measurements: Measurements | None,
    colour: tuple[int, int, int] = MODELS_OUTLINE,
    outer: npt.NDArray[np.bool_] | None = None,
) -> Canvas:
    """Draw a thin outline around the mask (H, W) and the longest diameter of its largest part.

    Returns uint8 RGB in the input's proportions. The tumour itself stays uncovered; holes in the
    mask are outlined too. outer: bool (H, W), how far the tumour may reach; a second, lighter line.
    """
    picture = canvas(pixels)
    if measurements is None:
        return picture
    width = max(1, round(min(picture.shape[:2]) * _LINE_SHARE))
    scale = np.array(picture.shape[1::-1]) / np.array(mask.shape[::-1])
    if outer is not None:
        around = _contours(outer, picture.shape[1], picture.shape[0])
        _draw(picture, around, colour, width, closed=True, opacity=_OUTER_OPACITY)
    caliper = _caliper(np.array(measurements["diameter_line_px"]), scale, width)
    _draw(picture, caliper, _CALIPER, width, closed=False)
    contours = _contours(mask, picture.shape[1], picture.shape[0])
    _draw(picture, contours, colour, width, closed=True)
    return picture


def _contours(
    mask: npt.NDArray[np.bool_], width: int, height: int
) -> list[npt.NDArray[np.float64]]:
    """Return the mask's outlines on a canvas of this size, without the pixels' stairs."""
    enlarged = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    smooth = cv2.GaussianBlur(enlarged, (0, 0), 0.5 + 0.5 * width / mask.shape[1])
    # Smoothing could swallow a part of a few pixels: where it would, the plain mask stays.
    shown = (smooth >= 0.5) | ((enlarged >= 0.5) & (cv2.dilate(smooth, np.ones((3, 3))) < 0.5))
    found, _ = cv2.findContours(shown.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [_rounded_corners(contour.reshape(-1, 2).astype(np.float64)) for contour in found]


def _rounded_corners(contour: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average each point of a closed contour (N, 2) with its neighbours."""
    if len(contour) < 8:
        return contour
    return np.mean([np.roll(contour, shift, axis=0) for shift in range(-2, 3)], axis=0)


def _caliper(
    line: npt.NDArray[np.float64], scale: npt.NDArray[np.float64], width: int
) -> list[npt.NDArray[np.float64]]:
    """Return the diameter (2, 2), in the input's pixels, and its two end ticks on the canvas."""
    ends = (line + 0.5) * scale - 0.5
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]]) * _TICK * width
    return [ends, *(np.stack([end - across, end + across]) for end in ends)]


def _draw(
    picture: Canvas,
    lines: list[npt.NDArray[np.float64]],
    colour: tuple[int, int, int],
    width: int,
    *,
    closed: bool,
    opacity: float = 1.0,
) -> None:
    """Draw anti-aliased lines of points (N, 2) with a dark rim onto `picture`, in place."""
    points = [np.rint(line * 2**_SUBPIXEL_BITS).astype(np.int32) for line in lines]
    for thickness, shade, share in ((width + 2, (0, 0, 0), _CASING), (width, colour, 1.0)):
        stencil = np.zeros(picture.shape[:2], np.uint8)
        cv2.polylines(stencil, points, closed, 255, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        x, y, w, h = cv2.boundingRect(stencil)
        part = picture[y : y + h, x : x + w]
        cover = stencil[y : y + h, x : x + w, None].astype(np.float32) * (share * opacity / 255)
        part[:] = np.rint(part * (1 - cover) + np.array(shade, np.float32) * cover)
