"""What is chosen on validation slices, from outlines whose best treatment is known beforehand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.engine.preprocess import prepare
from inference.engine.segment import tumor_shares
from inference.training.choice import OUTER_RECALL, choose_outline
from inference.training.predict import Predictions
from inference.training.sources import SliceRecord, list_slices, load

SIDE = 256
NEVER = 1e-3  # a probability below every level that can be chosen


@pytest.fixture(scope="module")
def tumors(data: Path) -> list[SliceRecord]:
    """Six slices of three kinds of tumour, each once."""
    unique = {own.image: own for own in list_slices(data) if own.source == "figshare"}
    return list(unique.values())


@pytest.fixture(scope="module")
def empty(data: Path) -> list[SliceRecord]:
    unique = {own.image: own for own in list_slices(data) if own.source == "no_tumor"}
    return list(unique.values())


def inside(data: Path, record: SliceRecord) -> NDArray[np.bool_]:
    """The expert's tumour in the prepared square, (SIDE, SIDE)."""
    pixels, wanted = load(data, record)
    prepared = prepare(pixels)
    cut = prepared.crop(wanted.astype(np.uint8))
    places = (np.arange(SIDE) + 0.5) * len(cut) / SIDE
    rows = places.astype(int)
    return np.asarray(cut[np.ix_(rows, rows)] > 0)


def half(tumor: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """About the right half of a tumour."""
    middle = int(np.flatnonzero(tumor.any(axis=0)).mean())
    return tumor & (np.arange(SIDE) > middle)


def predictions(squares: list[NDArray[np.floating]]) -> Predictions:
    """As a network's, from tumour probabilities over each prepared square."""
    shares = np.clip(np.stack(squares), NEVER, 1 - NEVER)
    logits = np.log(shares / (1 - shares))
    return Predictions(masks=np.rint((logits / 8 + 1) / 2 * 255).astype(np.uint8))


def test_a_hesitant_network_gets_a_low_threshold(data: Path, tumors: list[SliceRecord]) -> None:
    squares = [np.where(inside(data, own), 0.45, 0.02) for own in tumors]
    chosen = choose_outline(predictions(squares), data, tumors, flips=False)
    assert chosen["threshold"] <= 0.4
    assert chosen["val_dice"] > 0.9


def test_an_eager_network_gets_a_high_threshold(data: Path, tumors: list[SliceRecord]) -> None:
    squares = [np.where(inside(data, own), 0.9, 0.55) for own in tumors]
    chosen = choose_outline(predictions(squares), data, tumors, flips=False)
    assert chosen["threshold"] >= 0.6
    assert chosen["val_dice"] > 0.9


def test_specks_where_there_is_no_tumour_cost_and_are_dropped(
    data: Path, tumors: list[SliceRecord], empty: list[SliceRecord]
) -> None:
    speck = np.zeros((SIDE, SIDE))
    speck[100:106, 100:106] = 0.95  # 0.0005 of the square
    squares = [np.where(inside(data, own), 0.95, 0.0) for own in tumors] + [speck] * len(empty)
    chosen = choose_outline(predictions(squares), data, [*tumors, *empty], flips=False)
    assert chosen["min_area_fraction"] >= 0.0005
    assert chosen["val_dice"] > 0.9


def test_the_wider_outline_holds_the_tumour_where_any_level_does(
    data: Path, tumors: list[SliceRecord]
) -> None:
    insides = [inside(data, own) for own in tumors]
    squares = [np.where(half(own), 0.15, np.where(own, 0.9, 0.0)) for own in insides]
    said = predictions(squares)
    chosen = choose_outline(said, data, tumors, flips=False)
    assert chosen["outer_level"] < 0.15
    held = []
    for place, own in enumerate(tumors):
        pixels, wanted = load(data, own)
        shares = tumor_shares(said.mask_logits(place, flips=False), prepare(pixels))
        held.append((shares[wanted] >= chosen["outer_level"]).mean())
    assert np.mean(held) >= OUTER_RECALL


def test_the_lowest_level_is_taken_where_none_holds_the_tumour(
    data: Path, tumors: list[SliceRecord]
) -> None:
    squares = [np.where(half(inside(data, own)), 0.9, 0.0) for own in tumors]
    chosen = choose_outline(predictions(squares), data, tumors, flips=False)
    assert chosen["outer_level"] == 0.02
