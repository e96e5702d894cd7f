"""The pictures a doctor looks at: thin lines, the tumour uncovered, any input size."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference.engine.explain import heatmap
from inference.engine.measure import measure
from inference.engine.preprocess import prepare
from inference.engine.render import overlay

Picture = npt.NDArray[np.uint8]


def slice_and_mask(height: int, width: int, level: int) -> tuple[Picture, npt.NDArray[np.bool_]]:
    y, x = np.mgrid[:height, :width]
    radius = min(height, width) / 5
    mask = (x - width / 2) ** 2 + (y - height / 2) ** 2 <= radius**2
    return np.full((height, width), level, np.uint8), mask


def coloured(picture: Picture) -> npt.NDArray[np.bool_]:
    return np.ptp(picture.astype(int), axis=2) > 40


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize(("height", "width"), [(64, 48), (512, 512), (1500, 1100)])
def test_an_outline_is_thin_and_leaves_the_tumour_uncovered(
    height: int, width: int, level: int
) -> None:
    pixels, mask = slice_and_mask(height, width, level)
    drawn = overlay(pixels, mask, measure(mask, None))
    assert drawn.dtype == np.uint8
    assert min(drawn.shape[:2]) >= 512
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(height / width, rel=0.01)
    share = coloured(drawn).mean()
    assert 0.002 < share < 0.02  # the disc itself covers at least 6 %
    middle = drawn[drawn.shape[0] // 2, drawn.shape[1] * 2 // 5 : drawn.shape[1] // 2 - 40]
    assert (middle == level).mean() > 0.9


def test_the_outline_runs_along_the_edge_of_the_mask() -> None:
    pixels, mask = slice_and_mask(600, 600, 90)
    drawn = coloured(overlay(pixels, mask, measure(mask, None)))
    ys, xs = np.nonzero(drawn)
    assert xs.min() == pytest.approx(300 - 120, abs=3)
    assert xs.max() == pytest.approx(300 + 120, abs=3)
    assert ys.min() == pytest.approx(300 - 120, abs=8)  # the diameter's ticks reach a little out


def test_how_far_the_tumour_may_reach_is_a_second_fainter_line() -> None:
    pixels, mask = slice_and_mask(600, 600, 90)
    wider = cv2.dilate(mask.astype(np.uint8), np.ones((61, 61))) > 0
    plain = overlay(pixels, mask, measure(mask, None))
    drawn = overlay(pixels, mask, measure(mask, None), outer=wider)
    changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 10
    _, xs = np.nonzero(changed)
    assert (xs.min(), xs.max()) == (pytest.approx(150, abs=4), pytest.approx(450, abs=4))
    inner = np.ptp(plain.astype(int), axis=2).max()
    assert np.ptp(drawn[changed].astype(int), axis=1).max() < 0.7 * inner


def test_without_a_tumour_the_overlay_is_the_plain_slice() -> None:
    pixels, mask = slice_and_mask(600, 600, 90)
    drawn = overlay(pixels, np.zeros_like(mask), None)
    assert (drawn == 90).all()


def test_the_slice_given_is_not_drawn_on() -> None:
    pixels = np.full((600, 600, 3), 90, np.uint8)
    _, mask = slice_and_mask(600, 600, 90)
    overlay(pixels, mask, measure(mask, None))
    assert (pixels == 90).all()


def test_a_very_long_picture_is_not_enlarged_without_bound() -> None:
    pixels = np.full((32, 60_000), 90, np.uint8)
    assert overlay(pixels, pixels > 200, None).shape == (32, 60_000, 3)


def test_a_heat_map_colours_only_where_the_evidence_is() -> None:
    pixels, head = slice_and_mask(512, 512, 0)
    pixels[head] = 120
    cam = np.full((7, 7), -1, np.float32)
    cam[3, 3] = 5
    shown = heatmap(pixels, cam, prepare(pixels))
    where = coloured(shown)
    assert where[256, 256]
    assert 0.001 < where.mean() < 0.1
    assert not where[~head].any()


def test_without_evidence_the_heat_map_is_the_plain_slice() -> None:
    pixels, _ = slice_and_mask(512, 512, 90)
    assert (heatmap(pixels, np.full((7, 7), -1, np.float32), prepare(pixels)) == 90).all()
