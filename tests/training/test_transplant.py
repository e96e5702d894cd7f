"""Grafts change what they say they change and nothing else."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.training.planes import fill_planes
from inference.training.prepare import read_prepared
from inference.training.sources import CLASSES
from inference.training.transplant import GraftRates, Surgeon, graft, read_case

SIDE = 96
SEEDS = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def surgeon(prepared: Path) -> Surgeon:
    return _surgeon(prepared, GraftRates())


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_graft_leaves_everything_around_it_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    receiver, donor = (random.integers(0, 256, (SIDE, SIDE), np.uint8) for _ in range(2))
    region = np.zeros((SIDE, SIDE), bool)
    x, y = random.integers(0, SIDE - 8, 2)
    region[y : y + int(random.integers(2, 30)), x : x + int(random.integers(2, 30))] = True
    grafted = graft(receiver, donor, region)
    assert grafted.dtype == np.uint8
    assert (grafted == receiver)[_far_from(region)].all()


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_tissue_grafted_onto_itself_is_the_same_tissue(seed: int) -> None:
    picture = np.random.default_rng(seed).integers(20, 200, (SIDE, SIDE), np.uint8)
    region = np.zeros((SIDE, SIDE), bool)
    region[30:50, 40:70] = True
    assert np.abs(graft(picture, picture, region).astype(int) - picture).max() <= 1


def test_grafted_tissue_takes_on_the_brightness_around_it() -> None:
    random = np.random.default_rng(0)
    texture = random.normal(0, 4, (SIDE, SIDE))
    dark, bright = ((level + texture).astype(np.uint8) for level in (60, 150))
    region = np.zeros((SIDE, SIDE), bool)
    region[30:50, 40:70] = True
    assert graft(dark, bright, region)[region].mean() == pytest.approx(60, abs=4)


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_a_transplant_brings_its_label_and_its_mask(surgeon: Surgeon, seed: int) -> None:
    for place in _places(surgeon, "no_tumor"):
        before = read_case(surgeon.data, place)
        after = surgeon.transplant(place, np.random.default_rng(seed))
        if after is None:
            continue
        assert CLASSES[after.label] != "no_tumor"
        assert (after.mask > 127).any()
        same = after.image == before.image
        assert same[_far_from(after.mask > 127)].all()
        assert not same[after.mask > 127].all()


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_a_removed_tumor_leaves_an_empty_mask_and_the_rest_of_the_slice(
    surgeon: Surgeon, seed: int
) -> None:
    for place in _places(surgeon, "meningioma"):
        before = read_case(surgeon.data, place)
        after = surgeon.remove(place, np.random.default_rng(seed))
        if after is None:
            continue
        assert CLASSES[after.label] == "no_tumor"
        assert not after.mask.any()
        changed = after.image != before.image
        assert changed[before.mask > 127].mean() > 0.5
        assert not changed[_far_from(before.mask > 0, 0.03 + 0.04)].any()


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_a_decoy_touches_neither_label_nor_tumor(surgeon: Surgeon, seed: int) -> None:
    for label in ("no_tumor", "pituitary"):
        for place in _places(surgeon, label):
            before = read_case(surgeon.data, place)
            after = surgeon.decoy(place, np.random.default_rng(seed))
            if after is None:
                continue
            assert after.label == before.label
            assert (after.mask == before.mask).all()
            assert (after.image == before.image)[before.mask > 0].all()


def test_every_operation_succeeds_on_some_slice(surgeon: Surgeon) -> None:
    tries = {
        surgeon.transplant: _places(surgeon, "no_tumor"),
        surgeon.remove: _places(surgeon, "meningioma"),
        surgeon.decoy: _places(surgeon, "no_tumor"),
    }
    for operation, places in tries.items():
        done = [operation(p, np.random.default_rng(seed)) for p in places for seed in range(5)]
        assert any(case is not None for case in done), operation.__name__


def test_a_glioma_is_never_called_healthy_after_its_outline_is_covered(surgeon: Surgeon) -> None:
    for place in _places(surgeon, "glioma"):
        assert surgeon.remove(place, np.random.default_rng(0)) is None


def test_what_a_rim_encloses_belongs_to_the_tumor(prepared: Path) -> None:
    data = read_prepared(prepared)
    masks = np.zeros((1, SIDE, SIDE), np.uint8)
    cv2.circle(masks[0], (40, 40), 12, 255, 2)
    rim = type(data)(data.records[:1], data.images[:1], masks)
    mask = read_case(rim, 0).mask
    assert mask[40, 40] == 255
    assert (mask[masks[0] > 0] == 255).all()
    assert not mask[:20].any()


def test_slices_are_operated_on_as_often_as_asked(prepared: Path) -> None:
    never = _surgeon(prepared, GraftRates())
    place = _places(never, "no_tumor")[0]
    random = np.random.default_rng(0)
    before = read_case(never.data, place)
    assert (never.operate(place, random).image == before.image).all()
    always = _surgeon(prepared, GraftRates(transplant=1.0))
    labels = {CLASSES[always.operate(place, random).label] for _ in range(12)}
    assert labels & {"glioma", "meningioma", "pituitary"}


def test_the_planes_that_a_set_states_are_kept_and_the_others_filled(prepared: Path) -> None:
    data = read_prepared(prepared)
    planes = fill_planes(data.records, data.images)
    stated = [(own.plane, plane) for own, plane in zip(data.records, planes, strict=True)]
    assert all(own == plane for own, plane in stated if own)
    assert {plane for own, plane in stated if not own} <= {"ax", "co", "sa"}


def _surgeon(prepared: Path, rates: GraftRates) -> Surgeon:
    data = read_prepared(prepared)
    planes = fill_planes(data.records, data.images)
    return Surgeon(data, range(len(data.records)), planes, rates)


def _places(surgeon: Surgeon, label: str) -> list[int]:
    records = surgeon.data.records
    seen: dict[str, int] = {}
    for place, record in enumerate(records):
        if record.label == label and record.index < 0:
            seen.setdefault(record.image, place)
    return list(seen.values())


def _far_from(region: np.ndarray, share: float = 0.03) -> np.ndarray:
    size = 2 * (round(share * SIDE) + 1) + 1
    return cv2.dilate(region.astype(np.uint8), np.ones((size, size), np.uint8)) == 0
