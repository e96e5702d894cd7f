"""Measuring shapes whose size is known."""

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.measure import measure
from inference.engine.reading import Measurements

Mask = npt.NDArray[np.bool_]


def ellipse(semi_x: float, semi_y: float, angle: float = 0.0, side: int = 201) -> Mask:
    """An ellipse around the middle: pixels whose centres lie inside it."""
    y, x = np.mgrid[:side, :side] - side // 2
    turn = math.radians(angle)
    u = x * math.cos(turn) + y * math.sin(turn)
    v = y * math.cos(turn) - x * math.sin(turn)
    return (u / semi_x) ** 2 + (v / semi_y) ** 2 <= 1


def measured(mask: Mask, spacing_mm: tuple[float, float] | None = None) -> Measurements:
    found = measure(mask, spacing_mm)
    assert found is not None
    return found


def test_an_empty_mask_has_no_size() -> None:
    assert measure(np.zeros((50, 50), bool), (1, 1)) is None


def test_a_single_pixel_reaches_from_corner_to_corner() -> None:
    mask = np.zeros((50, 50), bool)
    mask[7, 12] = True
    found = measured(mask)
    assert found["area_px"] == 1
    assert found["longest_diameter_px"] == pytest.approx(math.sqrt(2), abs=0.01)
    assert found["perpendicular_diameter_px"] == pytest.approx(math.sqrt(2), abs=0.01)
    assert found["centroid_px"] == [12, 7]
    assert found["bounding_box_px"] == [12, 7, 1, 1]


def test_an_upright_rectangle_is_exact() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:40, 20:60] = True  # 40 wide, 30 high
    found = measured(mask)
    assert found["area_px"] == 1200
    assert found["longest_diameter_px"] == 50
    # The longest line at a right angle to a 3:4 rectangle's diagonal.
    assert found["perpendicular_diameter_px"] == pytest.approx(37.5, abs=0.01)
    assert found["centroid_px"] == [39.5, 24.5]
    assert found["bounding_box_px"] == [20, 10, 40, 30]


@pytest.mark.parametrize("radius", [5, 20, 60])
def test_a_disc_is_as_wide_as_it_is_high(radius: int) -> None:
    found = measured(ellipse(radius, radius))
    assert found["longest_diameter_px"] == pytest.approx(2 * radius, abs=1.5)
    assert found["perpendicular_diameter_px"] == pytest.approx(2 * radius, abs=1.5)
    assert found["area_px"] == pytest.approx(math.pi * radius**2, rel=0.05)


@given(st.floats(12, 45), st.floats(1.2, 2), st.floats(0, 180))
def test_an_ellipse_keeps_its_axes_when_turned(short: float, ratio: float, angle: float) -> None:
    found = measured(ellipse(short * ratio, short, angle))
    assert found["longest_diameter_px"] == pytest.approx(2 * short * ratio, abs=2)
    assert found["perpendicular_diameter_px"] == pytest.approx(2 * short, abs=0.05 * short + 2)


@given(st.floats(0, 180))
def test_a_turned_rectangle_keeps_its_diagonal(angle: float) -> None:
    box = cv2.boxPoints(((100, 100), (80, 40), angle))
    picture = np.zeros((200, 200), np.uint8)
    cv2.fillPoly(picture, [np.rint(box).astype(np.int32)], 1)
    found = measured(picture.astype(bool))
    assert found["longest_diameter_px"] == pytest.approx(math.hypot(80, 40), abs=3.5)


def test_without_spacing_there_are_no_millimetres() -> None:
    found = measured(ellipse(20, 10))
    assert found["area_mm2"] is None
    assert found["longest_diameter_mm"] is None
    assert found["perpendicular_diameter_mm"] is None


def test_spacing_turns_pixels_into_millimetres() -> None:
    found = measured(ellipse(40, 20), (0.5, 0.5))
    assert found["area_mm2"] == found["area_px"] / 4
    assert found["longest_diameter_mm"] == pytest.approx(found["longest_diameter_px"] / 2, abs=0.02)
    assert found["perpendicular_diameter_mm"] == pytest.approx(20, abs=1)


def test_with_unequal_spacing_the_longest_line_is_the_longest_in_millimetres() -> None:
    # 60 columns of 0.5 mm by 40 rows of 2 mm: higher than wide, though it does not look so.
    found = measured(ellipse(30, 20), (2.0, 0.5))
    assert found["longest_diameter_mm"] == pytest.approx(80, abs=3)
    assert found["perpendicular_diameter_mm"] == pytest.approx(30, abs=2)
    (x0, y0), (x1, y1) = found["diameter_line_px"]
    assert abs(y1 - y0) > abs(x1 - x0)
    assert math.hypot((x1 - x0) * 0.5, (y1 - y0) * 2) == pytest.approx(
        found["longest_diameter_mm"], abs=0.05
    )


def test_diameters_are_those_of_the_largest_part() -> None:
    mask = ellipse(30, 30)
    mask[2:6, 2:6] = True
    found = measured(mask)
    assert found["longest_diameter_px"] == pytest.approx(60, abs=1.5)
    assert found["area_px"] == np.count_nonzero(mask)
    assert found["bounding_box_px"][:2] == [2, 2]


@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.integers(0, 29), st.integers(1, 9), st.integers(1, 9)),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.1, 3),
    st.floats(0.1, 3),
)
def test_measurements_never_contradict_each_other(
    boxes: list[tuple[int, int, int, int]], row: float, column: float
) -> None:
    mask = np.zeros((30, 40), bool)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = True
    found = measured(mask, (row, column))
    assert found["area_mm2"] is not None
    assert found["longest_diameter_mm"] is not None
    assert found["perpendicular_diameter_mm"] is not None
    assert found["area_mm2"] == pytest.approx(found["area_px"] * row * column, abs=0.01)
    assert found["perpendicular_diameter_px"] <= found["longest_diameter_px"] + 0.01
    assert found["perpendicular_diameter_mm"] <= found["longest_diameter_mm"] + 0.01
    x, y, w, h = found["bounding_box_px"]
    assert mask[y : y + h, x : x + w].sum() == mask.sum()
    assert x - 0.5 <= found["centroid_px"][0] <= x + w - 0.5
    for end_x, end_y in found["diameter_line_px"]:
        assert x - 0.5 <= end_x <= x + w - 0.5
        assert y - 0.5 <= end_y <= y + h - 0.5
