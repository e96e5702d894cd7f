"""Finding the head and bringing it to the networks' square, and masks back from there."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.preprocess import prepare
from scans.decoding import decode
from tests.samples import SAMPLES, sample

Picture = npt.NDArray[np.uint8]
SLICES = sorted(p for p in SAMPLES.iterdir() if p.suffix in (".jpg", ".png", ".dcm"))


def head(height: int = 300, width: int = 260, ground: int = 0) -> Picture:
    """A bright ring around grey tissue, centred: about what an axial slice shows."""
    picture = np.full((height, width), ground, np.uint8)
    centre = (width // 2, height // 2)
    cv2.ellipse(picture, centre, (80, 100), 0, 0, 360, 200, -1)
    cv2.ellipse(picture, centre, (70, 90), 0, 0, 360, 90, -1)
    return picture


def assert_box_fits(box: tuple[int, int, int, int], x0: int, y0: int, x1: int, y1: int) -> None:
    """The box holds the head and leaves out most of what is around it."""
    assert box[0] <= x0
    assert box[1] <= y0
    assert box[2] >= x1
    assert box[3] >= y1
    assert box[2] - box[0] <= 1.25 * (x1 - x0)
    assert box[3] - box[1] <= 1.25 * (y1 - y0)


def test_the_head_is_cut_out_with_a_margin() -> None:
    assert_box_fits(prepare(head()).box, 50, 50, 210, 250)


@pytest.mark.parametrize("ground", [128, 255])
def test_a_page_around_the_slice_is_ignored(ground: int) -> None:
    page = cv2.copyMakeBorder(head(), 70, 70, 70, 70, cv2.BORDER_CONSTANT, value=ground)
    prepared = prepare(np.asarray(page, np.uint8))
    assert_box_fits(prepared.box, 120, 120, 280, 320)
    assert prepared.square[0].max() == 0


def test_a_head_on_white_paper_is_found_and_the_paper_made_black() -> None:
    prepared = prepare(head(ground=255))
    assert_box_fits(prepared.box, 52, 52, 208, 248)
    assert prepared.square[0].max() == 0


def test_burned_in_text_is_no_part_of_the_head() -> None:
    picture = cv2.copyMakeBorder(head(), 100, 100, 100, 100, cv2.BORDER_CONSTANT, value=0)
    for line, y in (("NAME 1970", 30), ("TE 20 TR 500", 60), ("R", 250)):
        cv2.putText(picture, line, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    assert_box_fits(prepare(np.asarray(picture, np.uint8)).box, 150, 150, 310, 350)


def test_a_dim_slice_becomes_bright() -> None:
    dim = prepare(head() // 8)
    assert dim.square.max() == 255
    np.testing.assert_allclose(dim.box, prepare(head()).box, atol=2)


def test_without_a_clear_head_the_whole_picture_is_kept() -> None:
    assert prepare(np.zeros((64, 80), np.uint8)).box == (0, 0, 80, 64)


def test_grey_rgb_and_plain_grey_prepare_alike() -> None:
    grey = head()
    rgb = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(prepare(grey).square, prepare(rgb).square)


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.name)
def test_every_real_slice_fills_its_square(path: Path) -> None:
    prepared = prepare(decode(path.read_bytes()).pixels)
    assert prepared.square.shape[0] == prepared.square.shape[1]
    assert prepared.foreground.mean() > 0.35
    picture = prepared.resized(224)
    assert picture.shape == (1, 1, 224, 224)
    assert picture.dtype == np.float32
    assert 0.9 < picture.max() <= 1


@given(
    st.integers(40, 400),
    st.integers(40, 400),
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
    st.integers(64, 320),
)
def test_what_is_marked_on_the_square_lands_on_the_same_place(
    height: int, width: int, x: float, y: float, size: int
) -> None:
    pixels = np.zeros((height, width), np.uint8)
    cv2.ellipse(
        pixels, (width // 2, height // 2), (width * 2 // 5, height * 2 // 5), 0, 0, 360, 90, -1
    )
    mark = np.zeros_like(pixels)
    # A mark is at least five of the square's pixels wide, whatever the picture's shape.
    radius = max(4, min(height, width) // 8, 3 * max(height, width) // size)
    cv2.circle(mark, (round(x * width), round(y * height)), radius, 255, -1)
    prepared = prepare(pixels)
    on_square = cv2.resize(prepared.crop(mark), (size, size), interpolation=cv2.INTER_AREA)
    back = prepared.to_input(on_square.astype(np.float32) / np.float32(255))
    assert back.shape == pixels.shape
    x0, y0, x1, y1 = prepared.box
    inside = np.zeros_like(mark, bool)
    inside[y0:y1, x0:x1] = mark[y0:y1, x0:x1] > 0
    both = np.count_nonzero((back >= 0.5) & inside)
    # A small mark is only a few pixels wide: the edge may differ, not the place.
    assert 2 * both >= 0.8 * (np.count_nonzero(back >= 0.5) + np.count_nonzero(inside))


def test_a_real_slice_keeps_its_orientation() -> None:
    pixels = decode(sample("glioma").read_bytes()).pixels
    prepared = prepare(pixels)
    x0, y0, x1, y1 = prepared.box
    back = prepared.to_input(prepared.resized(256)[0, 0])[y0:y1, x0:x1]
    cut = pixels[y0:y1, x0:x1]
    cut = cut if cut.ndim == 2 else cut[..., 0]
    assert np.corrcoef(back.ravel(), cut.ravel())[0, 1] > 0.97
