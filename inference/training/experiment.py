"""Run a named experiment end to end; whatever is finished is never done again."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.training.evaluate import METRICS, Measured, evaluate
from inference.training.experiments import EXPERIMENTS, Experiment
from inference.training.planes import fill_planes
from inference.training.prepare import prepare_data, read_prepared
from inference.training.probes import PROBES, probe
from inference.training.report import write_report
from inference.training.train import train

DATA, REPORT = "data", "report"


def run_experiment(
    name: str,
    data: Path,
    runs: Path,
    *,
    report_only: bool = False,
    device: str = "cpu",
    threads: int | None = None,
) -> Path | None:
    """Prepare, train and evaluate each run of the experiment in `runs/NAME/RUN`, then report.

    An interrupted experiment goes on where it was. `report_only` reports the runs that are finished
    and says which are missing. Returns the folder of the report, None for experiments without one.
    Raises ValueError for an unknown name or where a run folder holds another configuration,
    DataError without data, FileNotFoundError if there is nothing to report.
    """
    experiment = find_experiment(name)
    prepare_data(data, runs / DATA)
    folder = runs / name
    if threads:
        torch.set_num_threads(threads)
    if not report_only:
        for run, config in experiment.runs.items():
            train(config, runs / DATA, folder / run, device=device, threads=threads)
            if not (folder / run / METRICS).is_file():
                evaluate(folder / run, data, device=device, flips=True)
            probed = not experiment.reported or (folder / run / PROBES).is_file()
            if config.model != "segmenter" and not probed:
                probe(folder / run, data, device=device)
    if not experiment.reported:
        return None
    measured = [
        Measured.read(folder / run) for run in experiment.runs if (folder / run / METRICS).is_file()
    ]
    if not measured:
        raise FileNotFoundError(f"{folder}: no run of this experiment is finished")
    prepared = read_prepared(runs / DATA)
    planes = {
        (record.image, record.index): plane
        for record, plane in zip(
            prepared.records, fill_planes(prepared.records, prepared.images), strict=True
        )
    }
    write_report(name, experiment, measured, planes, data, folder / REPORT)
    return folder / REPORT


def find_experiment(name: str) -> Experiment:
    """Raises ValueError, naming all experiments, if there is none of this name."""
    if name not in EXPERIMENTS:
        raise ValueError(f"{name}: the experiments are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
