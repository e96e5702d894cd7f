"""The numbers that releases are judged by, on cases one can work out by hand."""

import numpy as np
import pytest

from inference.training.metrics import (
    calibration_error,
    confusion_matrix,
    fit_temperature,
    hausdorff95,
    image_dice,
    patient_interval,
    softmax,
)


def test_dice_of_half_overlapping_squares() -> None:
    ours, theirs = _square(0, 10), _square(5, 15)
    assert image_dice(ours, theirs) == pytest.approx(2 * 25 / 200)
    assert image_dice(ours, ours) == 1
    assert image_dice(ours, np.zeros_like(ours)) == 0
    assert image_dice(np.zeros_like(ours), np.zeros_like(ours)) == 1


def test_hausdorff_distance_of_a_shifted_square_is_the_shift() -> None:
    ours = _square(4, 14)
    assert hausdorff95(ours, np.roll(ours, 3, axis=1)) == pytest.approx(3)
    assert hausdorff95(ours, ours) == 0
    with pytest.raises(ValueError, match="empty"):
        hausdorff95(ours, np.zeros_like(ours))


def test_temperature_makes_an_overconfident_model_honest() -> None:
    random = np.random.default_rng(0)
    honest = random.normal(size=(4000, 4)) * 1.5
    labels = np.array([random.choice(4, p=row) for row in softmax(honest)])
    temperature = fit_temperature(honest * 3, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    before = calibration_error(softmax(honest * 3), labels)
    after = calibration_error(softmax(honest * 3, temperature), labels)
    assert after < 0.03 < before


def test_confusion_rows_are_what_it_is() -> None:
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_an_interval_over_patients_knows_that_slices_resemble_each_other() -> None:
    values = [1.0] * 50 + [0.0] * 50
    few = patient_interval(values, [f"P{n // 10}" for n in range(100)])
    many = patient_interval(values, [f"P{n}" for n in range(100)])
    assert few[0] < many[0] < 0.5 < many[1] < few[1]


def _square(start: int, end: int) -> np.ndarray:
    mask = np.zeros((20, 20), bool)
    mask[start:end, start:end] = True
    return mask
