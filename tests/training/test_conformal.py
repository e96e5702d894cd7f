"""Prediction sets hold what they promise; abstention starts where it was told to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.training.conformal import abstention_threshold, prediction_sets, set_threshold
from inference.training.metrics import coverage_curve, roc_curve, softmax


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_sets_cover_new_slices_as_often_as_asked(coverage: float) -> None:
    random = np.random.default_rng(0)
    shares = softmax(random.normal(size=(6000, 4)) * 2)
    labels = np.array([random.choice(4, p=row) for row in softmax(np.log(shares), 1.7)])
    threshold = set_threshold(shares[:3000], labels[:3000], coverage)
    sets = prediction_sets(shares[3000:], threshold)
    reached = sets[np.arange(3000), labels[3000:]].mean()
    assert reached == pytest.approx(coverage, abs=0.02)
    assert sets.sum(axis=1).mean() < 4


def test_too_few_slices_promise_nothing() -> None:
    shares = np.full((5, 4), 0.25)
    assert set_threshold(shares, np.zeros(5, int), 0.95) == 0
    assert prediction_sets(shares, 0).all()


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_a_set_is_never_empty_and_holds_the_likeliest_class(seed: int, threshold: float) -> None:
    shares = softmax(np.random.default_rng(seed).normal(size=(20, 4)))
    sets = prediction_sets(shares, threshold)
    assert sets[np.arange(20), shares.argmax(axis=1)].all()


def test_abstention_starts_at_the_lowest_confidence_that_is_right_often_enough() -> None:
    sure = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    shares = np.stack([sure, 1 - sure], axis=1)
    labels = np.array([1, 0, 1, 0, 0])
    assert abstention_threshold(shares, labels, 0.75) == pytest.approx(0.6)
    assert abstention_threshold(shares, labels, 1.0) == pytest.approx(0.8)
    assert abstention_threshold(shares, 1 - labels, 1.0) == 1.0


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    random = np.random.default_rng(1)
    scores, positive = random.integers(0, 10, 60) / 10, random.random(60) < 0.4
    ours, theirs = scores[positive][:, None], scores[~positive][None]
    expected = (ours > theirs).mean() + (ours == theirs).mean() / 2
    assert roc_curve(scores, positive)[2] == pytest.approx(expected)


def test_the_surest_slices_are_answered_first() -> None:
    share, right = coverage_curve(np.array([0.2, 0.9, 0.5]), np.array([False, True, False]))
    assert share.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert right.tolist() == pytest.approx([1, 0.5, 1 / 3])
