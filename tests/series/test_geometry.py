"""Where slices lie: any rotation, any order of arrival, any slices left out or taken twice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.series.geometry import arrange
from tests.series.make import ORIENTATIONS, make_series

angles = st.floats(-np.pi, np.pi)
rotations = st.tuples(angles, angles, angles)
distances = st.floats(0.3, 12)
origins = st.tuples(*[st.floats(-300, 300)] * 3)


def rotation(of: tuple[float, float, float]) -> Any:
    a, b, c = of
    about_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_x = [[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]]
    return np.array(about_z) @ about_y @ about_x


def volume(turned: Any, count: int, between: float, origin: Any) -> list[Any]:
    """Places as headers have them: rounded to what a decimal string holds."""
    orientation = [float(f"{v:.10g}") for v in (*turned[:, 0], *turned[:, 1])]
    return [
        ([float(f"{v:.8g}") for v in np.array(origin) + k * between * turned[:, 2]], orientation)
        for k in range(count)
    ]


@given(rotations, distances, origins, st.integers(2, 40), st.randoms())
def test_slices_are_put_in_order_whatever_their_rotation(
    of: Any, between: float, origin: Any, count: int, chance: Any
) -> None:
    turned = rotation(of)
    places = volume(turned, count, between, origin)
    came = list(range(count))
    chance.shuffle(came)
    stack = arrange([places[k] for k in came], (0.5, 0.8))
    assert [came[place] for place in stack.order] == list(range(count))
    assert stack.slices == stack.order
    assert stack.between_mm == pytest.approx(between, rel=1e-3)
    assert (stack.missing, stack.repeats, stack.problems) == (0, 0, [])
    assert stack.voxel_mm3 == pytest.approx(between * 0.5 * 0.8, rel=1e-3)
    assert stack.affine is not None
    corner = stack.affine @ [3, 2, count - 1, 1]
    expected = np.array(origin) + turned @ [3 * 0.8, 2 * 0.5, (count - 1) * between]
    assert corner[:3] == pytest.approx(expected, abs=1e-3)


@given(rotations, distances, st.sets(st.integers(2, 28), min_size=1, max_size=20))
def test_slices_that_are_missing_are_counted(of: Any, between: float, gone: set[int]) -> None:
    places = volume(rotation(of), 30, between, (0, 0, 0))
    stack = arrange([place for k, place in enumerate(places) if k not in gone], (1, 1))
    assert stack.missing == len(gone)
    assert stack.between_mm == pytest.approx(between, rel=1e-3)
    assert stack.affine is None
    assert [problem.code for problem in stack.problems] == ["missing_slices"]


@given(rotations, distances, st.integers(2, 20), st.integers(2, 4), st.randoms())
def test_slices_taken_several_times_make_one_volume(
    of: Any, between: float, count: int, times: int, chance: Any
) -> None:
    places = volume(rotation(of), count, between, (0, 0, 0)) * times
    came = list(range(count * times))
    chance.shuffle(came)
    stack = arrange([places[k] for k in came], (1, 1))
    assert stack.repeats == count * (times - 1)
    assert [came[place] % count for place in stack.slices] == list(range(count))
    assert stack.between_mm == pytest.approx(between, rel=1e-3)
    assert sorted(stack.order) == list(range(count * times))
    assert [problem.code for problem in stack.problems] == ["repeated_positions"]


@pytest.mark.parametrize("plane", ORIENTATIONS)
def test_a_plane_is_named(plane: str) -> None:
    stack = arrange([place_of(one) for one in make_series(plane, 3)], (1, 1))
    assert stack.plane == plane


def test_a_plane_between_the_others_is_oblique() -> None:
    turned = rotation((0, np.pi / 4, 0))
    assert arrange(volume(turned, 3, 1, (0, 0, 0))).plane == "oblique"


def test_a_localizer_is_sorted_within_each_orientation() -> None:
    places = [place_of(one) for p in ORIENTATIONS for one in make_series(p, 3)]
    stack = arrange(places[::-1], (1, 1))
    assert (stack.plane, stack.affine, stack.between_mm) == ("mixed", None, None)
    assert stack.order == [2, 1, 0, 5, 4, 3, 8, 7, 6]
    assert [problem.code for problem in stack.problems] == ["mixed_orientations"]


def test_distances_that_have_no_measure_are_said_to_be_uneven() -> None:
    orientation = ORIENTATIONS["axial"]
    stack = arrange([((0, 0, z), orientation) for z in (0, 5, 11.9, 16)], (1, 1))
    assert (stack.between_mm, stack.affine) == (None, None)
    assert [problem.code for problem in stack.problems] == ["uneven_spacing"]


def test_slices_beside_the_line_of_the_others_make_no_volume() -> None:
    orientation = ORIENTATIONS["axial"]
    stack = arrange([((x, 0, z), orientation) for x, z in ((0, 0), (0, 5), (4, 10), (0, 15))])
    assert [problem.code for problem in stack.problems] == ["shifted_slices"]


def test_slices_without_places_keep_the_order_they_came_in() -> None:
    stack = arrange([((0, 0, 5), ORIENTATIONS["axial"]), None])
    assert (stack.order, stack.positions_mm, stack.plane) == ([0, 1], None, "")
    assert [problem.code for problem in stack.problems] == ["no_geometry"]


def place_of(dataset: Any) -> Any:
    return dataset.ImagePositionPatient, dataset.ImageOrientationPatient
