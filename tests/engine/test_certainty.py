"""What an outline's probabilities are worth: never less for a surer one, and right on average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine.certainty import expected_dice, fit_knots, mean_share, trust

shares = st.lists(st.floats(0.3, 1.0), min_size=0, max_size=60)


@settings(deadline=None)
@given(shares, st.integers(0, 2**32 - 1))
def test_never_less_is_expected_of_a_surer_outline(own: list[float], seed: int) -> None:
    dice = np.random.default_rng(seed).uniform(0, 1, len(own))
    knots = fit_knots(np.array(own), dice)
    asked = [expected_dice(share, knots) for share in np.linspace(0, 1, 21)]
    assert asked == sorted(asked)
    assert all(0 <= one <= 1 for one in asked)


def test_what_is_expected_is_what_such_outlines_had() -> None:
    rng = np.random.default_rng(1)
    own = rng.uniform(0.5, 1, 4000)
    dice = np.clip(2 * own - 1 + rng.normal(0, 0.05, own.size), 0, 1)
    knots = fit_knots(own, dice)
    for share in (0.6, 0.75, 0.9):
        assert expected_dice(share, knots) == pytest.approx(2 * share - 1, abs=0.03)


def test_an_empty_outline_has_no_certainty() -> None:
    assert mean_share(np.ones((4, 4)), np.zeros((4, 4), bool)) is None
    assert mean_share(np.full((4, 4), 0.75), np.eye(4, dtype=bool)) == 0.75


def test_an_outline_is_worth_what_its_pixels_say_and_may_reach_further() -> None:
    shares = np.array([[0.9, 0.7, 0.2, 0.0]])
    mask = shares >= 0.5
    worth = trust(shares, mask, ((0.6, 0.4), (1.0, 0.8)), 0.2)
    assert worth is not None
    assert worth.expected_dice == pytest.approx(0.6)
    assert worth.outer.tolist() == [[True, True, True, False]]
    assert trust(shares, np.zeros_like(mask), ((0.0, 0.0), (1.0, 1.0)), 0.2) is None
