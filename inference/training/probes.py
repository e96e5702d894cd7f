"""How much a run loses on damaged slices, and what it says of slices with parts hidden.

A network that is right although the tumour is hidden has learned something else than tumours; one
that is right on the tumour alone needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine.preprocess import Prepared, prepare, to_grey
from inference.engine.segment import tumor_shares
from inference.training.choice import Choice, draw
from inference.training.damage import DAMAGES, HIDDEN
from inference.training.evaluate import Measured, sides_of
from inference.training.graphs import answering
from inference.training.metrics import image_dice
from inference.training.sources import CLASSES, FIGSHARE, NO_TUMOR, SliceRecord, list_slices, load
from inference.training.train import load_network

PROBES = "probes.json"
_STEP = 2  # every second slice of the test side is enough: differences are of the same slices
_SEED = 2026


@dataclass(frozen=True)
class Probed:
    """One slice under one change: its label, what was said, and Dice where there is a tumour."""

    label: str
    said: str
    dice: float | None


def probe(run: Path, data: Path, *, device: str = "cpu") -> dict[str, list[Probed]]:
    """Look at the home slices of an evaluated run's test side, damaged and with parts hidden.

    Writes `probes.json`: by the name of the change, [label, said, dice] of each slice. Raises
    FileNotFoundError for a run that is not evaluated.
    """
    measured = Measured.read(run)
    config, network = load_network(run)
    answer = answering(network, config.size, device)
    choice = measured.choice(flips=False)
    records = sides_of(config, list_slices(data))["test"]
    home = [own for own in records if own.source in (FIGSHARE, NO_TUMOR)][::_STEP]
    found: dict[str, list[Probed]] = {name: [] for name in (*DAMAGES, *HIDDEN)}
    for place, record in enumerate(tqdm(home, desc="probe", unit="slice")):
        rng = np.random.default_rng([_SEED, place])
        pixels, mask = load(data, record)
        pictures = _changed(to_grey(pixels), mask, rng)
        squares = [prepared.resized(config.size) for prepared, _ in pictures.values()]
        outputs = answer(np.concatenate(squares))
        for own, (name, picture) in enumerate(pictures.items()):
            one = {output: values[own] for output, values in outputs.items()}
            found[name].append(_looked(one, *picture, record, choice))
    rows = {name: [[one.label, one.said, one.dice] for one in own] for name, own in found.items()}
    (run / PROBES).write_text(json.dumps(rows) + "\n")
    return found


def read_probes(runs: Sequence[Path]) -> dict[str, list[Probed]]:
    """The probes of several runs together; empty unless all have some."""
    paths = [run / PROBES for run in runs]
    if not all(path.is_file() for path in paths):
        return {}
    pooled: dict[str, list[Probed]] = {}
    for path in paths:
        for name, rows in json.loads(path.read_text()).items():
            pooled.setdefault(name, []).extend(Probed(*row) for row in rows)
    return pooled


def probe_numbers(pooled: Mapping[str, Sequence[Probed]]) -> dict[str, Any]:
    """Per change: share of slices right, of tumours right and called a tumour, mean Dice."""
    found = {}
    for name, own in pooled.items():
        ill = [one for one in own if one.label != "no_tumor"]
        dice = [one.dice for one in ill if one.dice is not None]
        found[name] = {
            "slices": len(own),
            "accuracy": float(np.mean([one.said == one.label for one in own])),
            "tumors_right": float(np.mean([one.said == one.label for one in ill])),
            "called_tumor": float(np.mean([one.said != "no_tumor" for one in ill])),
            "dice": float(np.mean(dice)) if dice else None,
        }
    return found


def _changed(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, tuple[Prepared, NDArray[np.bool_]]]:
    """The slice under every change that applies to it, prepared as it would be served."""
    found = {}
    for name, change in DAMAGES.items():
        damaged, moved = change(pixels, mask, rng)
        found[name] = (prepare(damaged), moved)
    if mask.any():
        prepared = prepare(pixels)
        inside = prepared.crop(mask.astype(np.uint8)).astype(bool)
        for name, change in HIDDEN.items():
            square, left = change(prepared.square, inside, rng)
            wanted = mask if left.any() else np.zeros_like(mask)
            found[name] = (replace(prepared, square=square), wanted)
    return found


def _looked(
    outputs: Mapping[str, NDArray[np.float32]],
    prepared: Prepared,
    mask: NDArray[np.bool_],
    record: SliceRecord,
    choice: Choice,
) -> Probed:
    dice = None
    if "mask" in outputs and mask.any():
        drawn = draw(tumor_shares(outputs["mask"][0], prepared), prepared, choice)
        dice = image_dice(drawn, mask)
    return Probed(record.label, CLASSES[int(outputs["logits"].argmax())], dice)
