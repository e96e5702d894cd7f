"""From logits over the square to a mask of the input's size."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.agree import possible_labels, warnings_for
from inference.engine.classify import probabilities
from inference.engine.preprocess import Prepared, prepare
from inference.engine.release import CLASSES
from inference.engine.segment import outline, tumor_shares


def prepared(height: int = 300, width: int = 200) -> Prepared:
    """A picture whose box is all of it, padded left and right to a square of 300."""
    ramp = np.linspace(100, 255, height * width).reshape(height, width)
    return prepare(ramp.astype(np.uint8))


def outlined(logits: npt.NDArray[np.float32], into: Prepared) -> npt.NDArray[np.bool_]:
    shares = tumor_shares(logits, into)
    return outline(shares, into, threshold=0.5, min_area_fraction=0.001)


def empty(size: int = 256) -> npt.NDArray[np.float32]:
    return np.full((size, size), -8, np.float32)


def test_nothing_found_is_an_empty_mask_of_the_input_size() -> None:
    mask = outlined(empty(), prepared())
    assert mask.shape == (300, 200)
    assert mask.dtype == bool
    assert not mask.any()


def test_a_found_region_lands_where_it_was_found() -> None:
    logits = empty(300)
    logits[100:150, 100:160] = 8  # 50 px of padding on the left
    mask = outlined(logits, prepared())
    ys, xs = np.nonzero(mask)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (100, 149, 50, 109)


def test_specks_are_dropped_and_holes_filled() -> None:
    logits = empty(300)
    logits[100:160, 100:160] = 8
    logits[120:130, 120:130] = -8
    logits[10:13, 100:103] = 8
    mask = outlined(logits, prepared())
    assert mask[125, 75]
    assert np.count_nonzero(mask) == 3600


def test_two_tumours_stay_two() -> None:
    logits = empty(300)
    logits[50:80, 80:110] = 8
    logits[200:230, 150:180] = 8
    assert np.count_nonzero(outlined(logits, prepared())) == 1800


def test_probabilities_sum_to_one_and_a_temperature_softens_them() -> None:
    logits = np.array([4, 1, 0, -50], np.float32)
    sharp, soft = probabilities(logits, 1.0), probabilities(logits, 2.0)
    assert tuple(sharp) == CLASSES
    assert sum(sharp.values()) == pytest.approx(1, abs=1e-12)
    assert sharp["glioma"] > soft["glioma"] > soft["meningioma"] > sharp["meningioma"]


@pytest.mark.parametrize(
    ("label", "outlined", "codes"),
    [
        ("glioma", True, []),
        ("no_tumor", False, []),
        ("glioma", False, ["class_mask_disagree"]),
        ("no_tumor", True, ["class_mask_disagree"]),
    ],
)
def test_a_contradiction_between_class_and_mask_is_told(
    label: str, outlined: bool, codes: list[str]
) -> None:
    shares = dict.fromkeys(CLASSES, 0.02) | {label: 0.94}
    assert [reason.code for reason in warnings_for(shares, outlined=outlined)] == codes


def test_an_uncertain_class_names_the_runner_up() -> None:
    shares = dict(zip(CLASSES, (0.5, 0.4, 0.05, 0.05), strict=True))
    (reason,) = warnings_for(shares, outlined=True)
    assert reason.code == "unsure"
    assert "meningioma" in reason.message


def test_where_a_second_class_is_possible_the_class_is_unsure() -> None:
    shares = dict(zip(CLASSES, (0.75, 0.2, 0.03, 0.02), strict=True))
    assert not warnings_for(shares, outlined=True)
    (reason,) = warnings_for(shares, outlined=True, set_threshold=0.2)
    assert reason.code == "unsure"
    assert not warnings_for(shares, outlined=True, set_threshold=0.21)


def test_every_class_that_cannot_be_ruled_out_is_named_the_likeliest_first() -> None:
    shares = dict(zip(CLASSES, (0.25, 0.45, 0.05, 0.25), strict=True))
    assert possible_labels(shares, "meningioma", 0.2) == ["meningioma", "glioma", "no_tumor"]
    assert possible_labels(shares, "meningioma", None) is None
    (reason,) = warnings_for(shares, outlined=True, set_threshold=0.2)
    assert "meningioma, glioma or no tumour" in reason.message


@given(
    st.lists(st.floats(0.001, 1), min_size=4, max_size=4), st.floats(0, 1), st.sampled_from(CLASSES)
)
def test_the_possible_classes_hold_the_label_and_are_in_order(
    weights: list[float], threshold: float, label: str
) -> None:
    shares = {name: w / sum(weights) for name, w in zip(CLASSES, weights, strict=True)}
    possible = possible_labels(shares, label, threshold)
    assert possible is not None
    assert label in possible
    assert set(possible) | {label} == {n for n in CLASSES if shares[n] >= threshold} | {label}
    assert [shares[n] for n in possible] == sorted((shares[n] for n in possible), reverse=True)


def test_an_outline_that_is_likely_to_be_poor_is_told_of() -> None:
    shares = dict.fromkeys(CLASSES, 0.02) | {"glioma": 0.94}
    (reason,) = warnings_for(shares, outlined=True, expected_dice=0.59)
    assert reason.code == "poor_outline"
    assert not warnings_for(shares, outlined=True, expected_dice=0.6)
    codes = [own.code for own in warnings_for(shares, outlined=False, expected_dice=0.1)]
    assert codes == ["class_mask_disagree"]
