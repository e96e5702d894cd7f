"""The diagrams of a run: curves while it trains, and what its evaluation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from inference.training.damage import DAMAGES, UNDAMAGED
from inference.training.metrics import calibration_error, coverage_curve, reliability, roc_curve

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter


def plot_curves(histories: Mapping[str, Sequence[dict[str, float]]], path: Path) -> None:
    """Losses on the left, the validation scores on the right, over the epochs of each run."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for place, (name, history) in enumerate(histories.items()):
        epochs = [entry["epoch"] for entry in history]
        colour = f"C{place}"
        left.plot(epochs, [entry["loss"] for entry in history], colour, label=name)
        left.plot(epochs, [entry["val_loss"] for entry in history], colour, linestyle=":")
        for score, line in (("val_accuracy", "-"), ("val_dice", "--")):
            if score in history[0]:
                right.plot(epochs, [entry[score] for entry in history], colour, linestyle=line)
    left.set(xlabel="epoch", ylabel="loss", title="Loss: training (line), validation (dotted)")
    right.set(xlabel="epoch", title="Validation: accuracy (line), Dice (dashed)")
    left.legend()
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


def plot_roc(
    shares: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[str], path: Path
) -> None:
    """Each class against all others, from (N, C) probabilities."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
    for place, name in enumerate(classes):
        own = labels == place
        if own.any() and not own.all():
            false_rate, true_rate, area = roc_curve(shares[:, place], own)
            axes.plot(false_rate, true_rate, label=f"{name.replace('_', ' ')} ({area:.4f})")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC (area)")
    # Everything that differs lies in the corner.
    axes.set(xlim=(-0.005, 0.3), ylim=(0.7, 1.005))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_coverage(
    answers: Mapping[str, tuple[NDArray[np.floating], NDArray[np.bool_]]], path: Path
) -> None:
    """Accuracy when only the surest slices are answered, from confidences and what was right."""
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    for name, (confidence, right) in answers.items():
        axes.plot(*coverage_curve(confidence, right), label=name)
    axes.set(xlabel="share of slices answered", ylabel="share right", title="Coverage and accuracy")
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_spread(values: Mapping[str, Mapping[str, NDArray[np.floating]]], path: Path) -> None:
    """Dice, one box per group: a panel for each way of grouping (class, plane, size)."""
    figure, panels = plt.subplots(
        1, len(values), figsize=(3.6 * len(values), 3.6), sharey=True, squeeze=False
    )
    for axes, (title, groups) in zip(panels.flat, values.items(), strict=True):
        names = [f"{name}\n(n = {len(own)})" for name, own in groups.items()]
        axes.boxplot(list(groups.values()), tick_labels=names, showmeans=True, widths=0.6)
        axes.set_title(f"Dice per {title}")
        axes.grid(alpha=0.3, axis="y")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_bland_altman(
    pairs: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]], path: Path
) -> None:
    """Relative difference over the mean of (found, true), with the 95 % limits of agreement."""
    figure, panels = plt.subplots(1, len(pairs), figsize=(5.2 * len(pairs), 3.6), squeeze=False)
    for axes, (title, (found, true)) in zip(panels.flat, pairs.items(), strict=True):
        middle = (found + true) / 2
        difference = 100 * (found - true) / middle
        centre, spread = float(difference.mean()), 1.96 * float(difference.std())
        axes.scatter(middle, difference, s=5, alpha=0.35)
        for level, style in ((centre, "-"), (centre - spread, "--"), (centre + spread, "--")):
            axes.axhline(level, color="tab:red", linestyle=style, linewidth=1)
            axes.annotate(f" {level:+.1f} %", (1, level), xycoords=("axes fraction", "data"))
        axes.set(xlabel=f"mean {title}", ylabel="found less expert (%)", xscale="log", title=title)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_pixels(counts: NDArray[np.int64], path: Path) -> None:
    """Calibration of pixel probabilities: (bins, 2) counts of all pixels and of tumour pixels."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
    middle = (np.arange(len(counts)) + 0.5) / len(counts)
    some = counts[:, 0] > 0
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    axes.plot(middle[some], counts[some, 1] / counts[some, 0], marker="o")
    axes.set(xlabel="predicted probability", ylabel="share that is tumour", title="Pixels")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_probes(numbers: Mapping[str, Mapping[str, float | None]], path: Path) -> None:
    """What each damage costs, in points: slices right and, where there are outlines, Dice."""
    names = [name for name in numbers if name in DAMAGES][::-1]
    figure, axes = plt.subplots(figsize=(7, 0.34 * len(names) + 1.2), layout="constrained")
    base = numbers[UNDAMAGED]
    for place, (score, title) in enumerate((("accuracy", "slices right"), ("dice", "mean Dice"))):
        if base[score] is None:
            continue
        lost = [100 * ((numbers[name][score] or 0) - (base[score] or 0)) for name in names]
        rows = np.arange(len(names)) + 0.2 - 0.4 * place
        axes.barh(rows, lost, height=0.38, label=title)
    axes.axvline(-2, color="grey", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="points gained or lost", title="The same slices, damaged")
    axes.legend()
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_trust(expected: NDArray[np.floating], dice: NDArray[np.floating], path: Path) -> None:
    """The Dice that was expected of each outline beside the Dice that it has."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    axes.scatter(expected, dice, s=9, alpha=0.4, linewidths=0)
    axes.set(xlabel="expected Dice", ylabel="Dice", title="Outlines", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
