"""The report of an experiment: numbers as JSON, tables as Markdown, plots; all from what is stored.

No network runs here: everything is measured again from the predictions that evaluation stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.training.evaluate import PREDICTIONS, Measured, sides_of
from inference.training.experiments import Experiment
from inference.training.judge import Judged, judge
from inference.training.metrics import confusion_matrix
from inference.training.planes import PLANES
from inference.training.plots import (
    plot_bland_altman,
    plot_confusion,
    plot_coverage,
    plot_curves,
    plot_dice,
    plot_pixels,
    plot_probes,
    plot_reliability,
    plot_roc,
    plot_spread,
    plot_trust,
)
from inference.training.pooled import (
    SIZES,
    TUMORS,
    class_numbers,
    cross_fitted,
    of_source,
    outline_numbers,
    size_of,
)
from inference.training.predict import Predictions, load_predictions
from inference.training.probes import probe_numbers, read_probes
from inference.training.scores import by_group, probabilities
from inference.training.sheets import plot_worst_classes, plot_worst_outlines
from inference.training.sources import CLASSES, FIGSHARE, SliceRecord, list_slices
from inference.training.tables import report_text
from inference.training.train import HISTORY

NUMBERS, TEXT = "numbers.json", "README.md"
Planes = Mapping[tuple[str, int], str]


def write_report(
    name: str,
    experiment: Experiment,
    measured: Sequence[Measured],
    planes: Planes,
    data: Path,
    out: Path,
) -> dict[str, Any]:
    """Pool the measured runs of an experiment into `out`; returns the numbers.

    `planes` has the plane of each slice by its record's image and index.
    """
    out.mkdir(parents=True, exist_ok=True)
    records = list_slices(data)
    sides = [sides_of(own.config, records)["test"] for own in measured]
    predictions = [load_predictions(own.run / PREDICTIONS, "test") for own in measured]
    judged = _judged(measured, sides, predictions, planes, data, flips=False)
    present = [own.run.name for own in measured]
    numbers: dict[str, Any] = {
        "experiment": name,
        "title": experiment.title,
        "runs": present,
        "missing": [run for run in experiment.runs if run not in present],
        "chosen_on_val": {own.run.name: own.metrics["chosen_on_val"] for own in measured},
    } | _numbers(judged)
    if all(own.has_mirrored for own in predictions):
        flipped = _judged(measured, sides, predictions, planes, data, flips=True)
        numbers["with_flips"] = _numbers(flipped)
    probes = read_probes([own.run for own in measured])
    if probes:
        numbers["probes"] = probe_numbers(probes)
        plot_probes(numbers["probes"], out / "damage.png")
    (out / NUMBERS).write_text(json.dumps(numbers, indent=2) + "\n")
    histories = {
        own.run.name: json.loads((own.run / HISTORY).read_text())
        for own in measured
        if not own.config.members
    }
    if histories:
        plot_curves(histories, out / "curves.png")
    if judged[0].shares is not None:
        _plot_classes(judged, data, out)
    if judged[0].outline is not None:
        _plot_outlines(judged, dict(enumerate(predictions)), data, out)
    plots = sorted(path.name for path in out.glob("*.png"))
    (out / TEXT).write_text(report_text(numbers, plots))
    return numbers


def _judged(
    measured: Sequence[Measured],
    sides: Sequence[list[SliceRecord]],
    predictions: Sequence[Predictions],
    planes: Planes,
    data: Path,
    *,
    flips: bool,
) -> list[Judged]:
    pooled = []
    for run, (own, side, said) in enumerate(zip(measured, sides, predictions, strict=True)):
        pooled += judge(
            said,
            data,
            side,
            own.choice(flips=flips),
            flips=flips,
            quick=flips,
            planes=[planes[record.image, record.index] for record in side],
            run=run,
        )
    return pooled


def _numbers(judged: Sequence[Judged]) -> dict[str, Any]:
    found = {}
    if judged[0].shares is not None:
        found["classes"] = class_numbers(judged)
        crossed = cross_fitted(judged)
        if crossed:
            found["classes"]["cross_fitted"] = class_numbers(crossed)
    if judged[0].outline is not None:
        found["outlines"] = outline_numbers(judged)
    return found


def _plot_classes(judged: Sequence[Judged], data: Path, out: Path) -> None:
    home = by_group(judged).get("home", [])
    if home:
        raw, shares, labels = probabilities(home)
        counts = confusion_matrix(labels, shares.argmax(axis=1), len(CLASSES))
        plot_confusion(counts, CLASSES, out / "confusion.png")
        both = {"as trained": raw, "calibrated": shares}
        plot_reliability(both, labels, out / "reliability.png")
        plot_roc(shares, labels, CLASSES, out / "roc.png")
    answers = {}
    for name, own in by_group(judged).items():
        _, shares, labels = probabilities(own)
        answers[name.replace("_", " ")] = (shares.max(axis=1), shares.argmax(axis=1) == labels)
    plot_coverage(answers, out / "coverage.png")
    plot_worst_classes(judged, data, out / "worst-classes.png")


def _plot_outlines(
    judged: Sequence[Judged], predictions: Mapping[int, Predictions], data: Path, out: Path
) -> None:
    tumors = [own for own in of_source(judged, FIGSHARE) if own.outline]
    if not tumors:
        return
    dice = np.array([own.outline.dice for own in tumors if own.outline])
    labels = np.array([own.record.label for own in tumors])
    planes = np.array([own.plane for own in tumors])
    sizes = np.array([size_of(own) for own in tumors])
    plot_dice(dice, labels.tolist(), out / "dice.png")
    spread = {
        title: {name: dice[groups == name] for name in names if (groups == name).any()}
        for title, groups, names in (
            ("class", labels, TUMORS),
            ("plane", planes, PLANES),
            ("longest diameter", sizes, tuple(SIZES)),
        )
    }
    plot_spread(spread, out / "dice-spread.png")
    expected = [own.outline for own in tumors if own.outline and own.outline.expected_dice]
    if expected:
        plot_trust(
            np.array([own.expected_dice for own in expected]),
            np.array([own.dice for own in expected]),
            out / "trust.png",
        )
    found = [own.outline for own in tumors if own.outline and own.outline.overlap]
    if len(found) > 1:
        pairs = {
            "area (px)": [(own.area, own.wanted_area) for own in found],
            "longest diameter (px)": [(own.diameter, own.wanted_diameter) for own in found],
        }
        columns = {title: np.array(own, float).T for title, own in pairs.items()}
        plot_bland_altman(
            {title: (own[0], own[1]) for title, own in columns.items()}, out / "bland-altman.png"
        )
    pixels = [own.outline.pixels for own in tumors if own.outline]
    plot_pixels(np.sum([own for own in pixels if own is not None], axis=0), out / "pixels.png")
    plot_worst_outlines(tumors, predictions, data, out / "worst-outlines.png")
