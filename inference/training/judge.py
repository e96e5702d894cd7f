"""Every slice of a run's test side beside the truth: what was said, what was outlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.certainty import trust
from inference.engine.measure import measure
from inference.engine.preprocess import Prepared
from inference.engine.segment import tumor_shares
from inference.training.choice import Choice, draw, truths
from inference.training.metrics import hausdorff95, image_dice, softmax
from inference.training.predict import Predictions
from inference.training.sources import CLASSES, SliceRecord

REFERENCE_SIDE = 512  # pixels; distances are given as if every slice had this side
PIXEL_BINS = 10
_NO_TUMOR = CLASSES.index("no_tumor")


@dataclass(frozen=True)
class Outline:
    """A mask beside the expert's, at the slice's own size; areas and diameters in pixels.

    `dice` is 1 where both are empty. The distance is scaled to REFERENCE_SIDE; it and the
    diameters are None where a mask is empty or `quick` judging left them out, `expected_dice` where
    nothing is outlined. `outer` and `outer_overlap` are the area of the wider outline, which the
    choice's `outer_level` gives, and what it shares with the expert's. `pixels` (bins, 2)
    counts, per tenth of predicted probability, the pixels of the prepared square and those of them
    that are tumour.
    """

    dice: float
    area: int
    wanted_area: int
    overlap: int
    side: int
    outer: int = 0
    outer_overlap: int = 0
    expected_dice: float | None = None
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
        for place, (prepared, wanted) in enumerate(truths(data, records)):
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


def _compared(
    logits: NDArray[np.float32],
    prepared: Prepared,
    wanted: NDArray[np.bool_],
    choice: Choice,
    *,
    quick: bool,
) -> Outline:
    shares = tumor_shares(logits, prepared)
    mask = draw(shares, prepared, choice)
    side = max(mask.shape)
    found: dict[str, Any] = {
        "dice": image_dice(mask, wanted),
        "area": int(mask.sum()),
        "wanted_area": int(wanted.sum()),
        "overlap": int((mask & wanted).sum()),
        "side": side,
    }
    if worth := trust(shares, mask, choice.dice_knots, choice.outer_level):
        found["expected_dice"] = worth.expected_dice
        found["outer"] = int(worth.outer.sum())
        found["outer_overlap"] = int((worth.outer & wanted).sum())
    if quick:
        return Outline(**found)
    if mask.any() and wanted.any():
        found["hausdorff95"] = hausdorff95(mask, wanted) * REFERENCE_SIDE / side
    return Outline(
        **found,
        diameter=_diameter(mask),
        wanted_diameter=_diameter(wanted),
        pixels=_pixel_bins(shares, prepared, wanted),
    )


def _diameter(mask: NDArray[np.bool_]) -> float | None:
    measured = measure(mask, None)
    return measured["longest_diameter_px"] if measured else None


def _pixel_bins(
    shares: NDArray[np.float32], prepared: Prepared, wanted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    x0, y0, x1, y1 = prepared.box
    inside = np.zeros(wanted.shape, bool)
    inside[y0:y1, x0:x1] = True
    bins = np.minimum((shares.ravel() * PIXEL_BINS).astype(int), PIXEL_BINS - 1)[inside.ravel()]
    ill = wanted.ravel()[inside.ravel()]
    counts = [np.bincount(own, minlength=PIXEL_BINS) for own in (bins, bins[ill])]
    return np.stack(counts, axis=1)
