"""Measure a release as it is served: whole readings, with the gate and the rule for agreement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from inference.engine.engine import Engine
from inference.engine.openvino_backend import OpenVINOBackend
from inference.engine.reading import Reading
from inference.engine.release import CARD, find_release
from inference.training.dataset import split_places
from inference.training.metrics import image_dice
from inference.training.scores import GROUPS
from inference.training.sources import SliceRecord, list_slices, load
from inference.training.tables import SETS
from scans.decoding import DecodedSlice

_HEAD = (
    "| slices | n | refused | right class | tumour found | Dice of slices with a tumour "
    "| outlined where there is none | contradict each other |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Judged:
    """One reading beside the truth. `dice` counts a refused or missed tumour as 0."""

    record: SliceRecord
    reading: Reading
    has_tumor: bool
    dice: float

    @property
    def outlined(self) -> bool:
        return self.reading.mask is not None and bool(self.reading.mask.any())


def measure_readings(release: Path, data: Path, *, side: str = "test") -> str:
    """Read every slice on `side` of the release's split; return a table in Markdown.

    Networks of one split read together, and those of each split alone what they were not trained
    on: the others were. Temperature and thresholds are the release's, which for several splits are
    means over validation slices of all of them. Raises DataError, ReleaseError.
    """
    found = find_release(release)
    card = json.loads((found.folder / CARD).read_text())
    splits = card["joint"]["members"] if "joint" in card else {"classifier": "slice"}
    records = list_slices(data)
    judged: list[Judged] = []
    for split in dict.fromkeys(splits.values()):
        names = tuple(name for name, own in splits.items() if own == split)
        alone = replace(found, classifiers=names)
        own = [records[place] for place in split_places(records, split)[side]]
        judged += _judge(Engine(alone, OpenVINOBackend(alone)), data, own)
    rows = [
        _row(SETS[name], group)
        for name, belongs in GROUPS.items()
        if (group := [j for j in judged if belongs(j.record)])
    ]
    return "\n".join([_HEAD, *rows])


def _judge(engine: Engine, data: Path, records: list[SliceRecord]) -> Iterator[Judged]:
    for record in tqdm(records, desc="read", unit="slice"):
        pixels, truth = load(data, record)
        reading = engine.read(DecodedSlice(pixels, "png"))
        found = np.zeros_like(truth) if reading.mask is None else reading.mask
        yield Judged(record, reading, bool(truth.any()), image_dice(found, truth))


def _row(name: str, judged: list[Judged]) -> str:
    read = [j for j in judged if j.reading.accepted]
    tumors = [j for j in judged if j.has_tumor]
    free = [j for j in judged if not j.has_tumor]
    found = [j.reading.accepted and j.reading.label != "no_tumor" for j in tumors]
    contradicting = [(j.reading.label != "no_tumor") != j.outlined for j in read]
    cells = [
        name,
        str(len(judged)),
        _share([not j.reading.accepted for j in judged]),
        _share([j.reading.label == j.record.label for j in read]),
        _share(found),
        f"{np.mean([j.dice for j in tumors]):.3f}" if tumors else "–",
        _share([j.outlined for j in free]),
        _share(contradicting),
    ]
    return f"| {' | '.join(cells)} |"


def _share(of: list[bool]) -> str:
    return f"{100 * np.mean(of):.1f} %" if of else "–"
