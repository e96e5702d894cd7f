"""Polygons and masks: the same pixels whichever way they go."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from inference.reviews.outlines import count_sides, dice, fill, trace

Mask = npt.NDArray[np.bool_]
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
points = st.tuples(st.floats(-3, 15), st.floats(-3, 15))
polygons = st.lists(st.lists(points, min_size=3, max_size=8), min_size=1, max_size=4)
SHAPE = (11, 13)


def signed_area(ring: list[list[float]]) -> float:
    x, y = np.array(ring).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


@settings(deadline=None)
@given(masks)
def test_a_traced_mask_filled_again_is_the_same_mask(mask: Mask) -> None:
    assert (fill(trace(mask), mask.shape) == mask).all()


@settings(deadline=None)
@given(masks)
def test_the_rings_enclose_as_much_as_the_mask_has_pixels(mask: Mask) -> None:
    assert sum(signed_area(ring) for ring in trace(mask)) == mask.sum()


@settings(deadline=None)
@given(masks)
def test_a_mirrored_mask_gives_mirrored_outlines(mask: Mask) -> None:
    width = mask.shape[1]
    mirrored = [[[width - 1 - x, y] for x, y in ring] for ring in trace(mask)]
    assert (fill(mirrored, mask.shape) == mask[:, ::-1]).all()
    turned = [[[y, x] for x, y in ring] for ring in trace(mask)]
    assert (fill(turned, mask.T.shape) == mask.T).all()


@settings(deadline=None)
@given(masks)
def test_corners_are_given_once_and_lie_between_pixels(mask: Mask) -> None:
    for ring in trace(mask):
        corners = np.array(ring)
        assert ((corners % 1) == 0.5).all()
        steps = np.roll(corners, -1, axis=0) - corners
        along_x = steps[:, 0] != 0
        assert (along_x != (steps[:, 1] != 0)).all()  # along one axis, and never nowhere
        assert (along_x != np.roll(along_x, 1)).all()  # and every point is a corner


@settings(deadline=None)
@given(masks)
def test_sides_are_counted_as_they_are_walked(mask: Mask) -> None:
    walked = sum(np.abs(np.roll(ring, -1, axis=0) - np.array(ring)).sum() for ring in trace(mask))
    assert count_sides(mask) == walked


@settings(deadline=None)
@given(polygons)
def test_a_pixel_is_inside_when_its_centre_is(rings: list[list[tuple[float, float]]]) -> None:
    filled = fill(rings, SHAPE)
    for y in range(SHAPE[0]):
        for x in range(SHAPE[1]):
            crossings = 0
            for ring in rings:
                for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
                    if (y0 <= y < y1) or (y1 <= y < y0):
                        low, high = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
                        share = (y - low[1]) / (high[1] - low[1])
                        crossings += low[0] + share * (high[0] - low[0]) <= x
            assert filled[y, x] == crossings % 2


@settings(deadline=None)
@given(polygons)
def test_where_a_ring_starts_and_which_way_it_runs_changes_nothing(
    rings: list[list[tuple[float, float]]],
) -> None:
    plain = fill(rings, SHAPE)
    # Backwards a crossing is computed from the same two ends: the very same pixels.
    assert (fill([ring[::-1] for ring in rings], SHAPE) == plain).all()
    assert (fill([[*ring[1:], ring[0]] for ring in rings], SHAPE) == plain).all()
    assert (fill(rings[::-1], SHAPE) == plain).all()


def test_neighbours_along_a_line_share_no_pixel_and_leave_none() -> None:
    whole = [[0, 0], [9, 1], [8, 9], [1, 8]]
    halves = [[[0, 0], [9, 1], [8, 9]], [[0, 0], [8, 9], [1, 8]]]
    one, other = (fill([half], SHAPE) for half in halves)
    assert not (one & other).any()
    assert ((one | other) == fill([whole], SHAPE)).all()


def test_a_ring_in_a_ring_is_a_hole_and_an_island_in_it_is_not() -> None:
    def square(low: float, high: float) -> list[list[float]]:
        return [[low, low], [high, low], [high, high], [low, high]]

    filled = fill([square(-0.5, 8.5), square(1.5, 6.5), square(3.5, 4.5)], (9, 9))
    expected = np.ones((9, 9), bool)
    expected[2:7, 2:7] = False
    expected[4, 4] = True
    assert (filled == expected).all()


def test_a_bow_tie_is_filled_on_both_sides_of_the_knot() -> None:
    filled = fill([[[-0.5, -0.5], [8.5, 8.5], [8.5, -0.5], [-0.5, 8.5]]], (9, 9))
    assert filled[4, 0]
    assert filled[4, 8]
    assert not filled[0, 4]
    assert not filled[8, 4]


def test_dice() -> None:
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert dice(one, other) is None
    one[0, :2] = True
    assert dice(one, other) == 0
    other[0, 1:3] = True
    assert dice(one, other) == pytest.approx(0.5)
    assert dice(one, one) == 1
