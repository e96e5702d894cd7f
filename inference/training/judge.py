"""Every slice of a run's test side beside the truth: what was said, what was outlined.

Whatever is chosen (temperature, mask threshold, smallest area, sets, abstention) is chosen on the
validation slices before the test slices are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.measure import measure
from inference.engine.preprocess import Prepared, prepare
from inference.engine.segment import outline
from inference.training.conformal import abstention_threshold, set_threshold
from inference.training.metrics import fit_temperature, hausdorff95, image_dice, softmax
from inference.training.predict import Predictions
from inference.training.sources import CLASSES, SliceRecord, load

COVERAGES = (0.95, 0.99)  # that prediction sets are asked for
ACCURACY = 0.99  # that answers above the abstention threshold shall have
REFERENCE_SIDE = 512  # pixels; distances are given as if every slice had this side
PIXEL_BINS = 10
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_MIN_AREAS = (0.0, 0.0002, 0.0005, 0.001, 0.002)
_NO_TUMOR = CLASSES.index("no_tumor")


@dataclass(frozen=True)
class Choice:
    """What was fitted on validation slices; a network without classes or masks keeps defaults.

    `sets` and `sure_from` are probabilities after calibration: from which a class belongs to the
    prediction set of each of COVERAGES, and from which an answer is given at all.
    """

    temperature: float = 1.0
    sets: tuple[float, ...] = (0.0,) * len(COVERAGES)
    sure_from: float = 0.0
    threshold: float = 0.5
    min_area_fraction: float = 0.0
    val_dice: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Choice:
        return cls(**{**values, "sets": tuple(values["sets"])})


@dataclass(frozen=True)
class Outline:
    """A mask beside the expert's, at the slice's own size; areas and diameters in pixels.

    `dice` is 1 where both are empty. The distance is scaled to REFERENCE_SIDE; it and the
    diameters are None where a mask is empty or `quick` judging left them out. `pixels` (bins, 2)
    counts, per tenth of predicted probability, the pixels of the prepared square and those of them
    that are tumour.
    """

    dice: float
    area: int
    wanted_area: int
    overlap: int
    side: int
    hausdorff95: float | None = None
    diameter: float | None = None
    wanted_diameter: float | None = None
    pixels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Judged:
    """One slice: which of the pooled runs it belongs to, its place there, and how it went.

    `raw` and `shares` are the four probabilities before and after calibration.
    """

    record: SliceRecord
    plane: str
    run: int
    place: int
    choice: Choice
    raw: NDArray[np.floating] | None
    shares: NDArray[np.floating] | None
    outline: Outline | None

    @property
    def label(self) -> int:
        return CLASSES.index(self.record.label)

    @property
    def said(self) -> int:
        """The most likely class. ValueError for a network without classes."""
        if self.shares is None:
            raise ValueError("this network gives no classes")
        return int(self.shares.argmax())

    @property
    def right(self) -> bool:
        return self.said == self.label

    @property
    def ill(self) -> bool:
        return self.label != _NO_TUMOR


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
        rules = [(threshold, area) for threshold in _THRESHOLDS for area in _MIN_AREAS]
        dice = np.zeros((len(records), len(rules)))
        for place, (prepared, wanted) in enumerate(_truths(data, records)):
            own = predictions.mask_logits(place, flips=flips)
            dice[place] = [image_dice(draw(own, prepared, *rule), wanted) for rule in rules]
        # A tumour-free slice counts 1 without a mask and 0 with one, so false masks cost as well.
        best = int(dice.mean(axis=0).argmax())
        chosen["threshold"], chosen["min_area_fraction"] = rules[best]
        chosen["val_dice"] = float(dice[:, best].mean())
    return Choice(**chosen)


def choose_certainty(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The parts of a Choice that concern the class, from logits (N, 4) and labels (N,)."""
    temperature = fit_temperature(logits, labels)
    shares = softmax(logits, temperature)
    return {
        "temperature": temperature,
        "sets": tuple(set_threshold(shares, labels, wanted) for wanted in COVERAGES),
        "sure_from": abstention_threshold(shares, labels, ACCURACY),
    }


def judge(
    predictions: Predictions,
    data: Path,
    records: Sequence[SliceRecord],
    choice: Choice,
    *,
    flips: bool,
    quick: bool = False,
    planes: Sequence[str] = (),
    run: int = 0,
) -> list[Judged]:
    """Every slice beside the truth; `quick` leaves out distances, diameters and pixels."""
    logits = predictions.class_logits(flips=flips)
    raw = None if logits is None else softmax(logits)
    shares = None if logits is None else softmax(logits, choice.temperature)
    outlines: list[Outline | None] = [None] * len(records)
    if predictions.masks is not None:
        for place, (prepared, wanted) in enumerate(_truths(data, records)):
            own = predictions.mask_logits(place, flips=flips)
            outlines[place] = _compared(own, prepared, wanted, choice, quick=quick)
    return [
        Judged(
            record=record,
            plane=planes[place] if planes else record.plane,
            run=run,
            place=place,
            choice=choice,
            raw=None if raw is None else raw[place],
            shares=None if shares is None else shares[place],
            outline=outlines[place],
        )
        for place, record in enumerate(records)
    ]


def draw(
    logits: NDArray[np.float32], prepared: Prepared, threshold: float, min_area_fraction: float
) -> NDArray[np.bool_]:
    """The mask that serving would draw, in the input's size."""
    return outline(logits, prepared, threshold=threshold, min_area_fraction=min_area_fraction)


def _compared(
    logits: NDArray[np.float32],
    prepared: Prepared,
    wanted: NDArray[np.bool_],
    choice: Choice,
    *,
    quick: bool,
) -> Outline:
    mask = draw(logits, prepared, choice.threshold, choice.min_area_fraction)
    side = max(mask.shape)
    found: dict[str, Any] = {
        "dice": image_dice(mask, wanted),
        "area": int(mask.sum()),
        "wanted_area": int(wanted.sum()),
        "overlap": int((mask & wanted).sum()),
        "side": side,
    }
    if quick:
        return Outline(**found)
    if mask.any() and wanted.any():
        found["hausdorff95"] = hausdorff95(mask, wanted) * REFERENCE_SIDE / side
    return Outline(
        **found,
        diameter=_diameter(mask),
        wanted_diameter=_diameter(wanted),
        pixels=_pixel_bins(logits, prepared, wanted),
    )


def _diameter(mask: NDArray[np.bool_]) -> float | None:
    measured = measure(mask, None)
    return measured["longest_diameter_px"] if measured else None


def _pixel_bins(
    logits: NDArray[np.float32], prepared: Prepared, wanted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    shares = (1 / (1 + np.exp(-prepared.to_input(logits)))).ravel()
    x0, y0, x1, y1 = prepared.box
    inside = np.zeros(wanted.shape, bool)
    inside[y0:y1, x0:x1] = True
    bins = np.minimum((shares * PIXEL_BINS).astype(int), PIXEL_BINS - 1)[inside.ravel()]
    ill = wanted.ravel()[inside.ravel()]
    counts = [np.bincount(own, minlength=PIXEL_BINS) for own in (bins, bins[ill])]
    return np.stack(counts, axis=1)


def _truths(
    data: Path, records: Sequence[SliceRecord]
) -> Iterator[tuple[Prepared, NDArray[np.bool_]]]:
    for record in records:
        pixels, wanted = load(data, record)
        yield prepare(pixels), wanted
