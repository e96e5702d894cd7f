"""On which side of the head an outline lies: in the picture, and of the patient.

Which side of the picture is the patient's left only the file can say. A slice as radiologists look
at it shows the patient's right at the picture's left, but a picture may be stored the other way.
The middle is the upright line halfway between the ends of the head, as `prepare` finds it: of a
head that is turned in the picture it is not the midplane.
"""

import math

import numpy as np
import numpy.typing as npt

from inference.engine.preprocess import Prepared
from inference.engine.reading import Side, Sides

_ON_BOTH = 0.25  # of the outline on the lesser side of the middle: it lies on both
_ALONG = math.cos(math.radians(45))  # rows that run closer to another axis have no left and right

Direction = tuple[float, float, float]


def sides(
    mask: npt.NDArray[np.bool_], prepared: Prepared, row_direction: Direction | None
) -> Sides:
    """Say where a bool (H, W) mask lies, which must not be empty.

    row_direction: as `DecodedSlice.row_direction`. The patient's side is None without it, and
    where rows do not run along the patient's left-right axis, as in sagittal slices.
    """
    picture = _side_picture(mask, _middle(prepared))
    return Sides(side_picture=picture, side_patient=_side_patient(picture, row_direction))


def _middle(prepared: Prepared) -> float:
    """Where the head's middle is in the input, in pixels; a pixel's centre is a whole number."""
    columns = np.flatnonzero(prepared.foreground.any(axis=0))
    if columns.size == 0:
        columns = np.arange(prepared.foreground.shape[1])
    return float(prepared.box[0] + (columns[0] + columns[-1]) / 2)


def _side_picture(mask: npt.NDArray[np.bool_], middle: float) -> Side:
    columns = mask.sum(axis=0)
    beyond = np.sign(np.arange(columns.size) - middle)
    right = float((columns * (beyond + 1)).sum() / (2 * columns.sum()))
    if min(right, 1 - right) >= _ON_BOTH:
        return "middle"
    return "right" if right > 0.5 else "left"


def _side_patient(picture: Side, row_direction: Direction | None) -> Side | None:
    if row_direction is None or abs(row_direction[0]) < _ALONG:
        return None
    if picture == "middle":
        return picture
    # x grows to the patient's left: where rows run that way, the picture's right is their left.
    along = row_direction[0] > 0
    return "left" if (picture == "right") == along else "right"
