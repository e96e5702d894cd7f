"""Size and place of an outlined tumour, in pixels and, where the spacing is real, millimetres.

The mask is taken as the region its pixels cover: a pixel reaches half a pixel to each side of its
centre. Diameters are those of the largest connected part, as a reader would put the calipers
(Response Assessment in Neuro-Oncology, Wen et al., 2010, doi 10.1200/JCO.2009.26.3541: the longest
diameter and the longest one perpendicular to it). They are taken over the part's convex hull, so a
diameter may cross a notch. Area, centroid and box are those of the whole mask.
"""

import cv2
import numpy as np
import numpy.typing as npt

from inference.engine.reading import Measurements, Sides

_DECIMALS = 2

Points = npt.NDArray[np.float64]


def measure(
    mask: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, float] | None,
    expected_dice: float | None = None,
    sides: Sides | None = None,
) -> Measurements | None:
    """Measure a bool (H, W) mask; None where it is empty.

    `expected_dice` and `sides`, where the mask lies, stand beside what is measured.

    spacing_mm: between rows and between columns, which need not be equal. With it the longest
    diameter is searched for in millimetres, and `diameter_line_px` is that line; without it the
    line is the longest in pixels. No spacing, no millimetres.
    """
    if not mask.any():
        return None
    hull = _hull(_largest_part(mask))
    line, longest, across = _diameters(hull)
    longest_mm = across_mm = area_mm2 = None
    area = int(np.count_nonzero(mask))
    if spacing_mm is not None:
        row, column = spacing_mm
        scale = np.array([column, row])
        line_mm, longest_mm, across_mm = _diameters(hull * scale)
        line = line_mm / scale
        area_mm2 = area * row * column
    return Measurements(
        area_px=area,
        longest_diameter_px=round(longest, _DECIMALS),
        perpendicular_diameter_px=round(across, _DECIMALS),
        diameter_line_px=np.round(line, _DECIMALS).tolist(),
        centroid_px=_centroid(mask),
        bounding_box_px=[int(value) for value in cv2.boundingRect(mask.astype(np.uint8))],
        area_mm2=_rounded(area_mm2),
        longest_diameter_mm=_rounded(longest_mm),
        perpendicular_diameter_mm=_rounded(across_mm),
        expected_dice=_rounded(expected_dice),
        side_picture=None if sides is None else sides["side_picture"],
        side_patient=None if sides is None else sides["side_patient"],
    )


def _largest_part(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return (labels == largest).astype(np.uint8)


def _hull(part: npt.NDArray[np.uint8]) -> Points:
    """Return the convex hull (N, 2) of the part's pixel corners, x before y, in order."""
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    centres = np.concatenate(contours).reshape(-1, 2)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    points = (centres[:, None] + corners).reshape(-1, 2)
    return cv2.convexHull(points.astype(np.float32)).reshape(-1, 2).astype(np.float64)


def _diameters(hull: Points) -> tuple[Points, float, float]:
    """Return the longest line (2, 2) within a convex hull, its length, and its perpendicular's."""
    distances = np.linalg.norm(hull[:, None] - hull[None], axis=2)
    first, second = np.unravel_index(int(distances.argmax()), distances.shape)
    line = hull[[first, second]]
    longest = float(distances[first, second])
    along = (line[1] - line[0]) / longest
    u = (hull - line[0]) @ along
    v = (hull - line[0]) @ np.array([-along[1], along[0]])
    # Both ends of the longest line are vertices, so it parts the hull in an upper and a lower
    # chain. The width across is piecewise linear in u and concave: largest at some vertex.
    upper, lower = (_chain(u, v, side) for side in (1, -1))
    widths = np.interp(u, *upper) - np.interp(u, *lower)
    return line, longest, float(widths.max())


def _chain(u: Points, v: Points, side: int) -> tuple[Points, Points]:
    """Return the hull's vertices above (1) or below (-1) its longest line, ordered along it."""
    chosen = side * v >= 0
    # The two ends belong to both chains; rounding may have pushed them to either side.
    chosen |= (u <= u.min()) | (u >= u.max())
    order = np.argsort(u[chosen], kind="stable")
    return u[chosen][order], v[chosen][order]


def _centroid(mask: npt.NDArray[np.bool_]) -> list[float]:
    ys, xs = np.nonzero(mask)
    return [round(float(xs.mean()), _DECIMALS), round(float(ys.mean()), _DECIMALS)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
