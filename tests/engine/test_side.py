"""Which side a tumour is on: of the picture, and of the patient however a file is stored."""

from io import BytesIO
from itertools import permutations, product

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from inference.engine.preprocess import prepare
from inference.engine.reading import Sides
from inference.engine.side import Direction, sides
from inference.engine.sources import volume_slices
from scans.decoding import DecodedSlice, decode, decode_volume
from tests.engine.test_preprocess import head
from tests.samples import SAMPLES
from tests.series.make import as_bytes, make_series

HEAD = head()  # 300 x 260, its middle at column 130
AXIAL, MIRRORED = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)  # rows to the patient's left, to their right
OTHER = {"left": "right", "right": "left", "middle": "middle", None: None}
STORED = [
    "".join(one)
    for axes in permutations(("LR", "AP", "SI"))
    for one in product(*axes)  # all 48 ways in which the axes of a volume can run
]


def box(x: int, y: int, width: int = 20, height: int = 20) -> npt.NDArray[np.bool_]:
    mask = np.zeros(HEAD.shape, bool)
    mask[y : y + height, x : x + width] = True
    return mask


def where(mask: npt.NDArray[np.bool_], direction: Direction | None = AXIAL) -> Sides:
    return sides(mask, prepare(HEAD), direction)


@pytest.mark.parametrize(
    ("x", "picture", "patient"), [(80, "left", "right"), (160, "right", "left")]
)
def test_the_pictures_left_is_the_patients_right_as_radiologists_look_at_it(
    x: int, picture: str, patient: str
) -> None:
    assert where(box(x, 140)) == {"side_picture": picture, "side_patient": patient}
    mirrored = where(box(x, 140), MIRRORED)
    assert mirrored == {"side_picture": picture, "side_patient": picture}
    assert where(box(x, 140), None) == {"side_picture": picture, "side_patient": None}


@pytest.mark.parametrize(
    ("x", "side"), [(100, "left"), (113, "left"), (116, "middle"), (125, "middle"), (130, "right")]
)
def test_what_has_a_quarter_on_either_side_lies_in_the_middle(x: int, side: str) -> None:
    assert where(box(x, 140))["side_picture"] == side
    assert where(box(x, 140), MIRRORED)["side_patient"] == side


@pytest.mark.parametrize("direction", [(0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.8, 0.0)])
def test_where_rows_do_not_run_from_side_to_side_the_patients_side_is_not_known(
    direction: Direction,
) -> None:
    assert where(box(80, 140), direction) == {"side_picture": "left", "side_patient": None}


def test_the_head_decides_what_the_middle_is_not_the_picture() -> None:
    pixels = np.hstack([np.zeros((300, 400), np.uint8), HEAD])
    mask = np.hstack([np.zeros((300, 400), bool), box(80, 140)])
    assert sides(mask, prepare(pixels), None)["side_picture"] == "left"


PICTURES = [decode(path.read_bytes()).pixels for path in sorted(SAMPLES.glob("*_1.jpg"))]


@settings(deadline=None)
@given(
    st.sampled_from(range(len(PICTURES))),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.floats(0.02, 0.8),
    st.sampled_from([AXIAL, MIRRORED, (0.8, 0.6, 0.0), (0.0, 1.0, 0.0)]),
)
def test_a_mirrored_picture_shows_the_same_side_of_the_patient(
    number: int, x: float, y: float, width: float, direction: Direction
) -> None:
    pixels = PICTURES[number]
    height, columns = pixels.shape[:2]
    mask = np.zeros((height, columns), bool)
    mask[int(y * height) :, int(x * columns) :][: height // 9, : 1 + int(width * columns)] = True
    prepared = prepare(pixels)
    found = sides(mask, prepared, direction)
    # The head is found to the pixel: where one or two decide, either answer is right.
    wider = np.pad(mask, ((0, 0), (2, 2)))
    assume(all(sides(own, prepared, direction) == found for own in (wider[:, :-4], wider[:, 4:])))
    x, y, z = direction
    turned = sides(mask[:, ::-1], prepare(pixels[:, ::-1].copy()), (-x, -y, -z))
    assert turned["side_patient"] == found["side_patient"]
    assert turned["side_picture"] == OTHER[found["side_picture"]]


def spotted(decoded: DecodedSlice) -> Sides:
    """Where the brightest spot of a slice lies."""
    pixels = decoded.pixels
    return sides(pixels > 240, prepare(np.minimum(pixels, 200)), decoded.row_direction)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(v * v for v in q) > 0.1))
def test_a_dicom_slice_turned_in_space_says_the_side_on_which_the_spot_lies(
    quaternion: tuple[float, float, float, float],
) -> None:
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    row = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
    column = np.array([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)])
    (dataset,) = make_series(slices=1, rows=300, columns=260, orientation=(*row, *column))
    pixels = HEAD.astype(np.uint16)
    pixels[140:160, 70:90] = 255  # 50 pixels towards the row's beginning, at the head's height
    dataset.PixelData = pixels.tobytes()
    dataset.WindowCenter, dataset.WindowWidth = 127.5, 256
    found = spotted(decode(as_bytes(dataset)))
    assert found["side_picture"] == "left"
    to_the_left_mm = -50 * row[0]  # of the patient, from the head's middle to the spot
    if abs(row[0]) > 0.72:
        assert found["side_patient"] == ("left" if to_the_left_mm > 0 else "right")
    elif abs(row[0]) < 0.7:
        assert found["side_patient"] is None


@pytest.mark.parametrize("stored", STORED)
def test_a_volume_says_the_patients_side_however_it_is_stored(stored: str) -> None:
    right_anterior_superior = np.zeros((64, 72, 80))
    right_anterior_superior[8:56, 8:64, 8:72] = 100
    right_anterior_superior[14:22, 30:38, 36:44] = 255  # x grows to the right: at the left
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(stored))
    values = nibabel.orientations.apply_orientation(right_anterior_superior, turn)
    affine = np.diag([1.5, 1.5, 1.5, 1.0]) @ inv_ornt_aff(turn, right_anterior_superior.shape)
    image = nibabel.Nifti1Image(values.astype(np.int16), affine)
    image.header.set_xyzt_units("mm")
    stream = BytesIO(image.to_bytes())
    for axis, code in enumerate(stored):
        slices = volume_slices(decode_volume(stream.getvalue(), axis))
        spot = max(slices, key=lambda one: int((one.pixels > 240).sum()))
        known = None if code in "LR" else "left"
        assert spotted(spot)["side_patient"] == known
        if known:
            assert spotted(spot)["side_picture"] == "right"


def test_a_volume_that_does_not_say_how_it_lies_has_no_side_of_the_patient() -> None:
    header = nibabel.Nifti1Header()
    values = np.zeros((64, 72, 40), np.int16)
    values[8:56, 8:64, 4:36] = 100
    values[14:22, 30:38, 18:22] = 255
    image = nibabel.Nifti1Image(values, None, header)
    (spot, *_) = volume_slices(decode_volume(image.to_bytes(), 2))[20:]
    assert spotted(spot) == {"side_picture": "left", "side_patient": None}
