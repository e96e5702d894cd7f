"""Step three: measure a trained run on slices it has not seen, as they would be served.

Writes `predictions.npz`, from which everything can be measured again without the network, and
`metrics.json` with plots.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.training.choice import Choice, choose
from inference.training.config import TrainConfig
from inference.training.dataset import split_places
from inference.training.graphs import answering
from inference.training.judge import Judged, judge
from inference.training.metrics import confusion_matrix
from inference.training.plots import plot_confusion, plot_dice, plot_reliability
from inference.training.predict import Predictions, predict, save_predictions
from inference.training.scores import by_group, class_scores, outline_scores, probabilities
from inference.training.sheets import plot_worst_outlines
from inference.training.sources import CLASSES, SliceRecord, list_slices
from inference.training.train import CONFIG, load_network

METRICS, PREDICTIONS = "metrics.json", "predictions.npz"


@dataclass(frozen=True)
class Measured:
    """What `evaluate` found out about one run, read back from its folder."""

    run: Path
    config: TrainConfig
    metrics: dict[str, Any]

    @classmethod
    def read(cls, run: Path) -> Measured:
        """Raises FileNotFoundError if the run is not evaluated."""
        if not (run / METRICS).is_file():
            raise FileNotFoundError(f"{run} has no {METRICS}: run the evaluate step first")
        metrics = json.loads((run / METRICS).read_text())
        return cls(run, TrainConfig.read(run / CONFIG), metrics)

    def choice(self, *, flips: bool) -> Choice:
        """What was chosen on the validation slices."""
        return Choice.from_json(self.metrics["chosen_with_flips" if flips else "chosen_on_val"])


def evaluate(run: Path, data: Path, *, device: str = "cpu", flips: bool = False) -> dict[str, Any]:
    """Measure `run` on the test side of its own split; returns what it wrote.

    With `flips`, the mirrored slices are looked at as well, and what is best for the average of
    both is chosen besides. A test side without slices has no numbers. Raises FileNotFoundError for
    an unfinished run, DataError if `data` is not a data folder, ValueError without validation
    slices to choose thresholds on.
    """
    config, network = load_network(run)
    answer = answering(network, config.size, device)
    sides = sides_of(config, list_slices(data))
    if not sides["val"]:
        raise ValueError(f"{data} has no slices to validate on in {config.split}")
    predictions = {
        name: predict(answer, data, sides[name], config.size, mirrored=flips)
        for name in ("val", "test")
        if sides[name]
    }
    save_predictions(run / PREDICTIONS, predictions)
    choice = choose(predictions["val"], data, sides["val"], flips=False)
    report: dict[str, Any] = {
        "model": config.model,
        "split": config.split,
        "slices": {name: len(own) for name, own in sides.items()},
        "chosen_on_val": choice.as_json(),
        "groups": {},
    }
    if flips:
        mirrored = choose(predictions["val"], data, sides["val"], flips=True)
        report["chosen_with_flips"] = mirrored.as_json()
    if "test" in predictions:
        judged = judge(predictions["test"], data, sides["test"], choice, flips=False)
        report["groups"] = _scores(judged)
        _plot(run, data, judged, predictions["test"])
    (run / METRICS).write_text(json.dumps(report, indent=2) + "\n")
    return report


def sides_of(config: TrainConfig, records: list[SliceRecord]) -> dict[str, list[SliceRecord]]:
    """The slices on each side of a run's split."""
    places = split_places(records, config.split)
    return {name: [records[place] for place in own] for name, own in places.items()}


def _scores(judged: list[Judged]) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for name, own in by_group(judged).items():
        groups[name] = class_scores(own) if own[0].shares is not None else {}
        if own[0].outline is not None:
            groups[name] |= outline_scores(own)
    return groups


def _plot(run: Path, data: Path, judged: list[Judged], predictions: Predictions) -> None:
    home = by_group(judged).get("home", [])
    if not home:
        return
    if home[0].shares is not None:
        raw, shares, labels = probabilities(home)
        counts = confusion_matrix(labels, shares.argmax(axis=1), len(CLASSES))
        plot_confusion(counts, CLASSES, run / "confusion.png")
        both = {"as trained": raw, "calibrated": shares}
        plot_reliability(both, labels, run / "reliability.png")
    dice = [(own.outline.dice, own.record.label) for own in home if own.ill and own.outline]
    if dice:
        values, names = zip(*dice, strict=True)
        plot_dice(np.array(values), names, run / "dice.png")
        plot_worst_outlines(home, {0: predictions}, data, run / "worst.png")
