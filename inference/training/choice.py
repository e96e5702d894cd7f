"""What is chosen on validation slices before any test slice is looked at.

Temperature, prediction sets, abstention; mask threshold, smallest area, what an outline's
probabilities are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.certainty import Knots, fit_knots, mean_share
from inference.engine.preprocess import Prepared, prepare
from inference.engine.segment import outline, tumor_shares
from inference.training.conformal import abstention_threshold, set_threshold
from inference.training.metrics import fit_temperature, image_dice, softmax
from inference.training.predict import Predictions
from inference.training.sources import CLASSES, SliceRecord, load

COVERAGES = (0.95, 0.99)  # that prediction sets are asked for
ACCURACY = 0.99  # that answers above the abstention threshold shall have
OUTER_RECALL = 0.95  # of the tumour, that the wider outline shall hold on average
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_MIN_AREAS = (0.0, 0.0002, 0.0005, 0.001, 0.002)
_OUTER_LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class Choice:
    """What was fitted on validation slices; a network without classes or masks keeps defaults.

    `sets` and `sure_from` are probabilities after calibration: from which a class belongs to the
    prediction set of each of COVERAGES, and from which an answer is given at all. `dice_knots` say
    which Dice to expect of an outline; what lies above `outer_level` holds OUTER_RECALL of the
    tumour wherever something was outlined at all, or, if no level of the grid gives as much, what
    the lowest gives.
    """

    temperature: float = 1.0
    sets: tuple[float, ...] = (0.0,) * len(COVERAGES)
    sure_from: float = 0.0
    threshold: float = 0.5
    min_area_fraction: float = 0.0
    val_dice: float | None = None
    dice_knots: Knots = ((0.0, 0.0), (1.0, 1.0))
    outer_level: float = 0.5

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Choice:
        knots = tuple(tuple(knot) for knot in values.get("dice_knots", cls.dice_knots))
        return cls(**{**values, "sets": tuple(values["sets"]), "dice_knots": knots})


def choose(
    predictions: Predictions, data: Path, records: Sequence[SliceRecord], *, flips: bool
) -> Choice:
    """Everything there is to choose, from the predictions for the validation slices."""
    chosen: dict[str, Any] = {}
    logits = predictions.class_logits(flips=flips)
    if logits is not None:
        labels = np.array([CLASSES.index(record.label) for record in records])
        chosen = choose_certainty(logits, labels)
    if predictions.masks is not None:
        chosen |= choose_outline(predictions, data, records, flips=flips)
    return Choice(**chosen)


def choose_outline(
    predictions: Predictions, data: Path, records: Sequence[SliceRecord], *, flips: bool
) -> dict[str, Any]:
    """The parts of a Choice that concern the outline."""
    rules = [(threshold, area) for threshold in _THRESHOLDS for area in _MIN_AREAS]
    dice = np.zeros((len(records), len(rules)))
    for place, (prepared, wanted) in enumerate(truths(data, records)):
        shares = tumor_shares(predictions.mask_logits(place, flips=flips), prepared)
        for rule, (threshold, area) in enumerate(rules):
            mask = outline(shares, prepared, threshold=threshold, min_area_fraction=area)
            dice[place, rule] = image_dice(mask, wanted)
    # A tumour-free slice counts 1 without a mask and 0 with one, so false masks cost as well.
    best = int(dice.mean(axis=0).argmax())
    threshold, min_area = rules[best]
    certain, reached = [], []
    for place, (prepared, wanted) in enumerate(truths(data, records)):
        shares = tumor_shares(predictions.mask_logits(place, flips=flips), prepared)
        mask = outline(shares, prepared, threshold=threshold, min_area_fraction=min_area)
        share = mean_share(shares, mask)
        if share is not None and wanted.any():
            certain.append((share, dice[place, best]))
            reached.append([np.mean(shares[wanted] >= level) for level in _OUTER_LEVELS])
    recalls = np.mean(reached, axis=0) if reached else np.zeros(len(_OUTER_LEVELS))
    enough = [
        level
        for level, recall in zip(_OUTER_LEVELS, recalls, strict=True)
        if level <= threshold and recall >= OUTER_RECALL
    ]
    pairs = np.array(certain).reshape(-1, 2)
    return {
        "threshold": threshold,
        "min_area_fraction": min_area,
        "val_dice": float(dice[:, best].mean()),
        "dice_knots": fit_knots(pairs[:, 0], pairs[:, 1]),
        "outer_level": max(enough, default=_OUTER_LEVELS[0]),
    }


def choose_certainty(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The parts of a Choice that concern the class, from logits (N, 4) and labels (N,)."""
    temperature = fit_temperature(logits, labels)
    shares = softmax(logits, temperature)
    return {
        "temperature": temperature,
        "sets": tuple(set_threshold(shares, labels, wanted) for wanted in COVERAGES),
        "sure_from": abstention_threshold(shares, labels, ACCURACY),
    }


def draw(shares: NDArray[np.float32], prepared: Prepared, choice: Choice) -> NDArray[np.bool_]:
    """The mask (H, W) that serving would draw from tumour probabilities (H, W), as was chosen."""
    return outline(
        shares,
        prepared,
        threshold=choice.threshold,
        min_area_fraction=choice.min_area_fraction,
    )


def truths(
    data: Path, records: Sequence[SliceRecord]
) -> Iterator[tuple[Prepared, NDArray[np.bool_]]]:
    """Each slice prepared as it is served, and the expert's mask in its own size."""
    for record in records:
        pixels, wanted = load(data, record)
        yield prepare(pixels), wanted
