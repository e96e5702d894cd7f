"""Step four: evaluated runs become a release, a folder that serving reads without training code."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from inference.engine.accept import feature_distance
from inference.engine.release import CARD, CLASSES
from inference.training.config import TrainConfig
from inference.training.evaluate import METRICS, PREDICTIONS
from inference.training.gate import choose_threshold, fit_gate, save_gate
from inference.training.graphs import write_graph
from inference.training.model_card import DATA, PREPROCESSING, results_table, write_model_card
from inference.training.train import load_network

_ACCEPT = "accept.npz"
_PLOTS = ("curves.png", "confusion.png", "reliability.png", "dice.png", "worst.png")


def export(
    *,
    classifier: Path,
    segmenter: Path,
    baseline: Path | None,
    out: Path,
    results: Path | None = None,
) -> None:
    """Write the release `out` from two evaluated runs; `baseline` only adds its numbers.

    With `results`, plots and tables of the evaluation are copied there for the documentation.
    Raises FileNotFoundError for a run that is not trained or not evaluated.
    """
    metrics = {"classifier": _metrics(classifier), "segmenter": _metrics(segmenter)}
    if baseline is not None:
        metrics["baseline"] = _metrics(baseline)
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, run in (("classifier", classifier), ("segmenter", segmenter)):
        config, network = load_network(run)
        write_graph(network, config.size, out / name)
        entries[name] = _entry(config)
    entries["classifier"]["temperature"] = metrics["classifier"]["chosen_on_val"]["temperature"]
    chosen = metrics["segmenter"]["chosen_on_val"]
    entries["segmenter"]["threshold"] = chosen["threshold"]
    entries["segmenter"]["min_area_fraction"] = chosen["min_area_fraction"]
    accept = _write_gate(classifier / PREDICTIONS, out / _ACCEPT)
    card = {
        "name": out.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": list(CLASSES),
        **entries,
        "accept": accept,
        "data": DATA,
        "split": {
            "kind": metrics["classifier"]["split"],
            "slices": metrics["classifier"]["slices"],
        },
        "metrics": metrics,
        "preprocessing": PREPROCESSING,
        "files": _files(out),
    }
    (out / CARD).write_text(json.dumps(card, indent=2) + "\n")
    write_model_card(card, out / "MODEL_CARD.md")
    if results is not None:
        runs = {"classifier": classifier, "segmenter": segmenter, "baseline": baseline}
        _copy_results(card, {name: run for name, run in runs.items() if run}, results)


def _metrics(run: Path) -> dict[str, Any]:
    if not (run / METRICS).is_file():
        raise FileNotFoundError(f"{run} has no {METRICS}: run the evaluate step first")
    found: dict[str, Any] = json.loads((run / METRICS).read_text())
    return found


def _entry(config: TrainConfig) -> dict[str, Any]:
    # Dropout acts in training only; serving builds the network without it.
    architecture = {k: v for k, v in config.architecture.items() if k != "dropout"}
    return {"architecture": architecture, "size": config.size}


def _write_gate(predictions: Path, path: Path) -> dict[str, float]:
    """Fit and write the gate; returns its threshold and how many slices it refuses."""
    with np.load(predictions) as arrays:
        sides = {side: arrays[f"{side}_features"].astype(np.float32) for side in ("train", "val")}
        test = arrays["test_features"].astype(np.float32)
    gate = fit_gate(sides["train"])
    save_gate(gate, path)
    threshold = choose_threshold(gate, sides["val"])
    refused = {
        f"{side}_refused": float((feature_distance(own, gate) > threshold).mean())
        for side, own in (*sides.items(), ("test", test))
    }
    return {"distance_threshold": threshold, **refused}


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    """Checksum and size of every file that serving loads."""
    kinds = (".xml", ".bin", ".safetensors", ".npz")
    return {
        path.name: {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.iterdir())
        if path.suffix in kinds
    }


def _copy_results(card: dict[str, Any], runs: dict[str, Path], results: Path) -> None:
    results.mkdir(parents=True, exist_ok=True)
    lines = [f"# Release {card['name']}: what was measured", "", results_table(card["metrics"]), ""]
    for name, run in runs.items():
        shutil.copy(run / METRICS, results / f"{name}.json")
        for plot in _PLOTS:
            if (run / plot).is_file():
                shutil.copy(run / plot, results / f"{name}-{plot}")
                lines += [f"![{name}: {Path(plot).stem}]({name}-{plot})", ""]
    (results / "README.md").write_text("\n".join(lines))
