"""Damage is what its name says, and hiding hides just what it should."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.training.damage import DAMAGES, HIDDEN, UNDAMAGED
from scans.decoding import decode
from tests.samples import sample


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return decode(sample("glioma").read_bytes()).pixels


@pytest.fixture(scope="module")
def mask(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """A square of 60 px, off the middle."""
    mask = np.zeros(pixels.shape, bool)
    mask[200:260, 150:210] = True
    return mask


@pytest.mark.parametrize("name", [name for name in DAMAGES if name != UNDAMAGED])
def test_damage_changes_the_picture_repeatably_and_keeps_the_tumour_where_it_is(
    name: str, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> None:
    first, moved = DAMAGES[name](pixels, mask, np.random.default_rng(1))
    again, _ = DAMAGES[name](pixels, mask, np.random.default_rng(1))
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert first.shape == moved.shape
    assert first.shape != pixels.shape or (first != pixels).any()
    assert moved.sum() == pytest.approx(mask.sum(), rel=0.02)


def test_mirroring_twice_and_cropping_lose_nothing(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> None:
    rng = np.random.default_rng(1)
    once, turned = DAMAGES["mirrored"](pixels, mask, rng)
    twice, back = DAMAGES["mirrored"](once, turned, rng)
    assert np.array_equal(twice, pixels)
    assert np.array_equal(back, mask)
    head, inside = DAMAGES["cropped to the head"](pixels, mask, rng)
    assert inside.sum() == mask.sum()
    assert np.array_equal(head[inside], pixels[mask])


def test_hiding_the_tumour_and_hiding_the_rest_complement_each_other(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> None:
    rng = np.random.default_rng(1)
    without, none = HIDDEN["tumour hidden"](pixels, mask, rng)
    only, same = HIDDEN["all but the tumour hidden"](pixels, mask, rng)
    assert not none.any()
    assert np.array_equal(same, mask)
    assert len(np.unique(without[mask])) == 1
    assert np.array_equal(only[mask], pixels[mask])
    assert not (without[:180] != pixels[:180]).any()
    assert not only[:180].any()
