"""What the engine says about one slice."""

from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reason:
    """Why a slice was refused, or what to keep in mind about its reading.

    `code` is stable and meant for programs; `message` is a sentence meant for a doctor.
    """

    code: str
    message: str


Side = Literal["left", "right", "middle"]


class Sides(TypedDict):
    """Where an outline lies, see `side`: in the picture, and of the patient where that is known."""

    side_picture: Side
    side_patient: Side | None


class Measurements(TypedDict):
    """Size and place of what was outlined; see `measure` for how each is taken.

    Pixel coordinates are [x, y] with a pixel's centre at whole numbers. Millimetres are None
    where the file does not state a real pixel spacing. expected_dice: what to expect of the
    outline against an expert's, 0 to 1; None where the release does not foretell it, and of what a
    doctor drew. The sides are None where they were not asked for.
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
    expected_dice: float | None
    side_picture: Side | None
    side_patient: Side | None


@dataclass(frozen=True)
class Reading:
    """The engine's answer for one slice; everything but the reasons is None when refused.

    label: glioma, meningioma, pituitary or no_tumor. probabilities: of these four, summing to 1.
    possible_labels: those that the release cannot rule out, the most probable first and the label
    among them; None as well where it does not know.
    mask: bool (H, W), the input's size. overlay, heatmap: uint8 RGB, the input's proportions,
    small inputs enlarged. measurements: None when nothing was outlined.
    """

    accepted: bool
    reasons: list[Reason]
    label: str | None
    probabilities: dict[str, float] | None
    possible_labels: list[str] | None
    mask: npt.NDArray[np.bool_] | None
    overlay: npt.NDArray[np.uint8] | None
    heatmap: npt.NDArray[np.uint8] | None
    measurements: Measurements | None
    elapsed_ms: dict[str, float]
    release: str


@dataclass(frozen=True)
class SliceReading:
    """What was found on one slice of a series; see `Reading`.

    area_px, area_mm2: of what belongs to the series' tumour; 0 where none of it is on the slice,
    area_mm2 None without real spacing.
    """

    accepted: bool
    reasons: list[Reason]
    label: str | None
    probabilities: dict[str, float] | None
    possible_labels: list[str] | None
    area_px: int
    area_mm2: float | None


class SeriesMeasurements(TypedDict):
    """The tumour in a series. Slices are counted from 0, in the order in which they were given.

    volume_ml: None where the geometry is not real, or where no tumour was called. largest_slice:
    the one with the largest area; None where no tumour was called. key_slice: the one that the
    pictures show: the largest, else the one that speaks most for the label. The rest is as in
    `Measurements`, of the largest slice; None where no tumour was called.
    """

    volume_ml: float | None
    tumor_slices: int
    largest_slice: int | None
    key_slice: int
    area_px: int | None
    longest_diameter_px: float | None
    perpendicular_diameter_px: float | None
    diameter_line_px: list[list[float]] | None
    centroid_px: list[float] | None
    bounding_box_px: list[int] | None
    area_mm2: float | None
    longest_diameter_mm: float | None
    perpendicular_diameter_mm: float | None
    expected_dice: float | None
    side_picture: Side | None
    side_patient: Side | None


@dataclass(frozen=True)
class SeriesReading:
    """The engine's answer for a series; label down to heatmap are None when refused.

    slices: one for each slice given. masks: one for each slice, bool (H, W) packed along the last
    axis (`numpy.packbits`); what belongs to the tumour that was called. shapes: their (H, W).
    overlay, heatmap: of `measurements["key_slice"]`.
    """

    accepted: bool
    reasons: list[Reason]
    label: str | None
    probabilities: dict[str, float] | None
    possible_labels: list[str] | None
    measurements: SeriesMeasurements | None
    overlay: npt.NDArray[np.uint8] | None
    heatmap: npt.NDArray[np.uint8] | None
    slices: list[SliceReading]
    masks: list[npt.NDArray[np.uint8]]
    shapes: list[tuple[int, int]]
    elapsed_ms: dict[str, float]
    release: str

    def mask_volume(self) -> npt.NDArray[np.bool_]:
        """All masks: bool (slices, H, W); smaller slices end in empty rows and columns."""
        height, width = (max(shape[axis] for shape in self.shapes) for axis in (0, 1))
        volume = np.zeros((len(self.masks), height, width), bool)
        for target, mask, (h, w) in zip(volume, self.masks, self.shapes, strict=True):
            target[:h, :w] = np.unpackbits(mask, axis=-1, count=w)
        return volume
