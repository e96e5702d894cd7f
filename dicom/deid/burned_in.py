"""Text that is burned into pixels: names and dates on screen captures, and on what was printed.

Two signs: what the header says of itself, and rows of letter-like shapes beside the head. The
second is a heuristic; text within the head is not looked for. docs/dicom.md has its rates.
"""

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and .1 to .4, its multi-frame kinds
_SIDE = 512  # letters are looked for at this size of the longer side, never shrinking more
_STROKE = 9  # px; strokes of letters are thinner
_CONTRAST = 40  # grey levels that a stroke stands out from what is around it
_THIN = 31  # px; the head is thicker everywhere
_HEIGHT = (5, 48)
_MOST = 1500  # shapes that are compared with each other; more are noise
_LETTERS = 4  # in a row; fewer are chance


def says_burned_in(dataset: Dataset) -> bool:
    """Whether an object's header says that there may be text in its pixels (PS3.3, C.7.6.1.1)."""
    said = str(dataset.get("BurnedInAnnotation") or "")
    captured = str(dataset.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)
    return said == "YES" or (captured and said != "NO")


def shows_text(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether a slice, (H, W) or (H, W, 3), likely shows a line of text beside the head."""
    grey = np.asarray(
        cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels, np.uint8
    )
    longest = max(grey.shape)
    if longest < _SIDE:  # small letters have strokes of a pixel: enlarged, they keep their shape
        scale = min(2.0, _SIDE / longest)
        larger = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        grey = np.asarray(larger, np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    strokes = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel)
    strokes[_head(grey)] = 0
    noise = float(np.median(strokes[strokes > 0])) if strokes.any() else 0.0
    letters = np.asarray(strokes > max(_CONTRAST, 4 * noise), np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(letters, connectivity=8)
    return _longest_row(np.asarray(boxes[1:], np.int32)) >= _LETTERS


def _head(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """The largest thing in the picture, filled, with a margin."""
    blurred = cv2.GaussianBlur(grey, (0, 0), 4)
    level, _ = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    body = np.asarray(blurred > 0.5 * level, np.uint8)
    # Letters that touch the head are thin beside it.
    thick = cv2.morphologyEx(body, cv2.MORPH_OPEN, np.ones((_THIN, _THIN), np.uint8))
    outlines, _ = cv2.findContours(thick, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    head = np.zeros(grey.shape, np.uint8)
    if outlines:
        largest = max(outlines, key=cv2.contourArea)
        cv2.drawContours(head, [largest], -1, 1, cv2.FILLED)
    return np.asarray(cv2.dilate(head, np.ones((9, 9), np.uint8)) > 0)


def _longest_row(boxes: npt.NDArray[np.int32]) -> int:
    """How many letter-like boxes (x, y, width, height, area) stand side by side on one line."""
    _, _, width, height, area = boxes.T
    letters = (height >= _HEIGHT[0]) & (height <= _HEIGHT[1]) & (width <= 3 * height)
    letters &= (area >= 0.1 * width * height) & (area >= 6)
    rows = sorted((int(a), int(b), int(c), int(d)) for a, b, c, d in boxes[letters, :4])[:_MOST]
    longest = 0
    # Letters that run into each other are one wide box.
    letters_in = [2 if w > 1.6 * h else 1 for _, _, w, h in rows]
    best = list(letters_in)
    boxes_in = [1] * len(rows)
    for later, (x2, y2, _, h2) in enumerate(rows):
        for earlier in range(later):
            x1, y1, w1, h1 = rows[earlier]
            smaller = min(h1, h2)
            close = -0.4 * smaller <= x2 - (x1 + w1) <= 1.2 * smaller
            level = abs((y1 + h1) - (y2 + h2)) <= 0.2 * smaller + 1
            if close and level and max(h1, h2) <= 1.6 * smaller:
                best[later] = max(best[later], best[earlier] + letters_in[later])
                boxes_in[later] = max(boxes_in[later], boxes_in[earlier] + 1)
        longest = max(longest, best[later] - 1 if boxes_in[later] >= 3 else 0, boxes_in[later])
    return longest
