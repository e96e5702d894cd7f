"""What the engine says about one slice."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reason:
    """Why a slice was refused, or what to keep in mind about its reading.

    `code` is stable and meant for programs; `message` is a sentence meant for a doctor.
    """

    code: str
    message: str


class Measurements(TypedDict):
    """Size and place of what was outlined; see `measure` for how each is taken.

    Pixel coordinates are [x, y] with a pixel's centre at whole numbers. Millimetres are None
    where the file does not state a real pixel spacing.
    """

    area_px: int
    longest_diameter_px: float
    perpendicular_diameter_px: float
    diameter_line_px: list[list[float]]
    centroid_px: list[float]
    bounding_box_px: list[int]
    area_mm2: float | None
    longest_diameter_mm: float | None
    perpendicular_diameter_mm: float | None


@dataclass(frozen=True)
class Reading:
    """The engine's answer for one slice; everything but the reasons is None when refused.

    label: glioma, meningioma, pituitary or no_tumor. probabilities: of these four, summing to 1.
    mask: bool (H, W), the input's size. overlay, heatmap: uint8 RGB, the input's proportions,
    small inputs enlarged. measurements: None when nothing was outlined.
    """

    accepted: bool
    reasons: list[Reason]
    label: str | None
    probabilities: dict[str, float] | None
    mask: npt.NDArray[np.bool_] | None
    overlay: npt.NDArray[np.uint8] | None
    heatmap: npt.NDArray[np.uint8] | None
    measurements: Measurements | None
    elapsed_ms: dict[str, float]
    release: str
