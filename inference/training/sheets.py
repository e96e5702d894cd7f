"""Contact sheets of the worst cases, for a doctor to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from inference.engine.preprocess import Prepared, prepare
from inference.engine.segment import tumor_shares
from inference.training.choice import draw
from inference.training.judge import Judged
from inference.training.predict import Predictions
from inference.training.sources import CLASSES, load

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt

_COLUMNS, _SHOWN = 6, 24
_EXPERT, _MODEL = (0, 230, 0), (255, 40, 40)
_Picture = NDArray[np.uint8]


def plot_worst_outlines(
    judged: Sequence[Judged],
    predictions: Mapping[int, Predictions],
    data: Path,
    path: Path,
) -> None:
    """The tumour slices of lowest Dice: the expert's outline in green, the model's in red.

    `predictions` has those of each run in `judged`.
    """
    tumors = [own for own in judged if own.outline and own.outline.wanted_area]
    tumors.sort(key=lambda own: own.outline.dice if own.outline else 0)
    cases = []
    for own in tumors[:_SHOWN]:
        pixels, wanted = load(data, own.record)
        prepared = prepare(pixels)
        logits = predictions[own.run].mask_logits(own.place, flips=False)
        mask = draw(tumor_shares(logits, prepared), prepared, own.choice)
        dice = own.outline.dice if own.outline else 0
        picture = _outlined(prepared, {_EXPERT: wanted, _MODEL: mask})
        cases.append((picture, f"{own.record.label} {dice:.2f}"))
    _sheet(cases, "The worst outlines: expert green, model red; Dice", path)


def plot_worst_classes(judged: Sequence[Judged], data: Path, path: Path) -> None:
    """The wrong classes that were most certain; the expert's outline in green."""
    wrong = [own for own in judged if not own.right]
    wrong.sort(key=_confidence, reverse=True)
    cases = []
    for own in wrong[:_SHOWN]:
        pixels, wanted = load(data, own.record)
        title = f"{own.record.label}, said\n{CLASSES[own.said]} {_confidence(own):.2f}"
        cases.append((_outlined(prepare(pixels), {_EXPERT: wanted}), title))
    _sheet(cases, f"The surest of {len(wrong)} wrong classes", path)


def _confidence(judged: Judged) -> float:
    return 0.0 if judged.shares is None else float(judged.shares.max())


def _outlined(
    prepared: Prepared, masks: Mapping[tuple[int, int, int], NDArray[np.bool_]]
) -> _Picture:
    square = cv2.cvtColor(prepared.square, cv2.COLOR_GRAY2RGB)
    thickness = max(1, square.shape[0] // 200)
    for colour, mask in masks.items():
        cut = prepared.crop(mask.astype(np.uint8))
        contours, _ = cv2.findContours(cut, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(square, contours, -1, colour, thickness)
    return np.asarray(cv2.resize(square, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


def _sheet(cases: Sequence[tuple[_Picture, str]], title: str, path: Path) -> None:
    rows = max(1, -(-len(cases) // _COLUMNS))
    figure, axes = plt.subplots(
        rows, _COLUMNS, figsize=(2 * _COLUMNS, 2.25 * rows), squeeze=False, layout="constrained"
    )
    for place in axes.flat:
        place.axis("off")
    for place, (picture, name) in zip(axes.flat, cases, strict=False):
        place.imshow(picture)
        place.set_title(name, fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
