"""Step four: the finished runs of an experiment become a release that serving reads by itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from inference.engine.certainty import Knots, expected_dice
from inference.engine.release import CARD, CLASSES
from inference.training.choice import Choice
from inference.training.evaluate import Measured
from inference.training.gate import read_gate
from inference.training.graphs import write_graph
from inference.training.model_card import DATA, PREPROCESSING, write_model_card
from inference.training.report import NUMBERS
from inference.training.train import load_network

_KINDS = (".xml", ".bin", ".safetensors")


def export(
    *,
    runs: Sequence[Path],
    report: Path,
    gate: Path,
    out: Path,
    networks: Sequence[str] = (),
    results: Path | None = None,
) -> dict[str, Any]:
    """Write the release `out` from evaluated runs of one joint configuration; returns its card.

    The release averages the runs' networks; of runs that are averages themselves, only those that
    `networks` names, if it names some. Its numbers are those of the experiment's `report`, where
    each run was measured alone: no slice is left that none of their networks has seen. `gate` is
    what the gate step wrote. With `results`, the report is copied there for the documentation.

    Raises FileNotFoundError for a run that is not evaluated, or without a report or a gate,
    ValueError for runs that do not fit together or a network that none of them has.
    """
    measured = [Measured.read(run) for run in runs]
    architecture, size = _common(measured)
    found = {name: (run, own.config.split) for own in measured for name, run in _members(own)}
    if unknown := [name for name in networks if name not in found]:
        raise ValueError(f"{', '.join(unknown)}: the networks are {', '.join(found)}")
    if not (report / NUMBERS).is_file():
        raise FileNotFoundError(f"{report} has no {NUMBERS}: run the experiment step first")
    numbers = json.loads((report / NUMBERS).read_text())
    accept, network = read_gate(gate)
    out.mkdir(parents=True, exist_ok=True)
    members = {}
    for name in networks or found:
        run, members[name] = found[name]
        write_graph(load_network(run)[1], size, out / name)
    write_graph(network, accept["size"], out / "gate")
    card = {
        "name": out.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": list(CLASSES),
        "joint": {"members": members, "architecture": architecture, "size": size}
        | together([own.choice(flips=False) for own in measured]),
        "accept": accept,
        "data": DATA,
        "metrics": numbers,
        "preprocessing": PREPROCESSING,
        "files": _files(out, [*members, "gate"]),
    }
    (out / CARD).write_text(json.dumps(card, indent=2) + "\n")
    write_model_card(card, out / "MODEL_CARD.md")
    if results is not None:
        shutil.copytree(report, results, dirs_exist_ok=True)
    return card


def together(choices: Sequence[Choice]) -> dict[str, Any]:
    """What averaged networks are served with, from what was chosen for each of them alone.

    Means; but the smallest of the levels down to which a class or a tumour is possible.
    """
    return {
        "temperature": float(np.mean([own.temperature for own in choices])),
        "threshold": float(np.mean([own.threshold for own in choices])),
        "min_area_fraction": float(np.mean([own.min_area_fraction for own in choices])),
        "set_threshold": min(own.sets[0] for own in choices),
        "outer_level": min(own.outer_level for own in choices),
        "dice_knots": mean_knots([own.dice_knots for own in choices]),
    }


def mean_knots(several: Sequence[Knots]) -> Knots:
    """The mean of several broken lines, which is one as well."""
    places = sorted({place for knots in several for place, _ in knots})
    means = [float(np.mean([expected_dice(place, own) for own in several])) for place in places]
    return tuple(zip(places, means, strict=True))


def _common(measured: Sequence[Measured]) -> tuple[dict[str, Any], int]:
    """The architecture and size of all runs; serving builds networks without dropout."""
    first = measured[0].config
    for own in measured:
        if own.config.model != "joint":
            raise ValueError(f"{own.run} is no joint network")
        if (own.config.architecture, own.config.size) != (first.architecture, first.size):
            raise ValueError(f"{own.run} is of another architecture or size")
    return {k: v for k, v in first.architecture.items() if k != "dropout"}, first.size


def _members(measured: Measured) -> Iterator[tuple[str, Path]]:
    """The networks that a run answers with, by the names of their files."""
    run = measured.run
    if not measured.config.members:
        yield run.name, run
    for own in measured.config.members:
        member = (run / own).resolve()
        yield f"{member.parent.name}-{member.name}", member


def _files(folder: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Checksum and size of every file that serving loads; what an earlier export left goes."""
    wanted = {f"{name}{kind}" for name in names for kind in _KINDS}
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name in wanted:
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            files[path.name] = {"sha256": sha256, "bytes": len(content)}
        elif path.suffix in _KINDS:
            path.unlink()
    return files
