"""The pictures of a run: curves while it trains, and what its evaluation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from inference.training.metrics import calibration_error, reliability

if TYPE_CHECKING:
    from inference.training.predict import MaskPrediction

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt


def plot_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Losses on the left, the validation score on the right, over the epochs."""
    epochs = [entry["epoch"] for entry in history]
    score = next(name for name in history[0] if name in ("val_accuracy", "val_dice"))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.plot(epochs, [entry["loss"] for entry in history], label="training (augmented)")
    left.plot(epochs, [entry["val_loss"] for entry in history], label="validation")
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    left.legend()
    right.plot(epochs, [entry[score] for entry in history], color="tab:green")
    right.set(xlabel="epoch", title=f"Validation {score.removeprefix('val_')}")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_confusion(counts: NDArray[np.int64], classes: Sequence[str], path: Path) -> None:
    """A confusion matrix: (C, C) counts, rows what it is, columns what was said."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour)
    names = [name.replace("_", " ") for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="said", ylabel="is", title="Slices")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_reliability(
    shares: Mapping[str, NDArray[np.floating]], labels: NDArray[np.int64], path: Path
) -> None:
    """Confidence against accuracy, for several versions of (N, C) probabilities."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    for name, own in shares.items():
        bins = reliability(own, labels)
        error = calibration_error(own, labels)
        axes.scatter(
            [sure for sure, _, _ in bins],
            [right for _, right, _ in bins],
            s=[20 + 400 * share for _, _, share in bins],
            alpha=0.6,
            label=f"{name} (ECE {error:.3f})",
        )
    axes.set(xlabel="confidence", ylabel="share right", title="Reliability (area: share of slices)")
    axes.legend(loc="upper left", markerscale=0.5)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_dice(dice: NDArray[np.floating], labels: Sequence[str], path: Path) -> None:
    """How per-slice Dice spreads, for each class of tumour."""
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    names = sorted(set(labels))
    groups = [dice[np.array(labels) == name] for name in names]
    axes.hist(groups, bins=np.linspace(0, 1, 21).tolist(), stacked=True, label=names)
    axes.axvline(float(dice.mean()), color="black", linestyle="--", linewidth=1)
    axes.set(xlabel="Dice", ylabel="slices", title=f"Dice per slice, mean {dice.mean():.3f}")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_worst(
    cases: Sequence[tuple[MaskPrediction, NDArray[np.bool_], float]], path: Path
) -> None:
    """A contact sheet: the true outline in green, the found one in red."""
    columns = 6
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2 * columns, 2.15 * rows), squeeze=False, layout="constrained"
    )
    for place in axes.flat:
        place.axis("off")
    for place, (prediction, mask, dice) in zip(axes.flat, cases, strict=False):
        square = cv2.cvtColor(prediction.prepared.square, cv2.COLOR_GRAY2RGB)
        thickness = max(1, square.shape[0] // 200)
        for own, colour in ((prediction.wanted, (0, 230, 0)), (mask, (255, 40, 40))):
            cut = prediction.prepared.crop(own.astype(np.uint8))
            contours, _ = cv2.findContours(cut, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(square, contours, -1, colour, thickness)
        place.imshow(square)
        place.set_title(f"{prediction.record.label} {dice:.2f}", fontsize=8)
    figure.suptitle("The worst: expert in green, model in red, Dice", fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
