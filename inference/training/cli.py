"""The command line: from data to a release, step by step. Each can be run again safely."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.engine.release import ReleaseError
from inference.training.config import MODELS
from inference.training.experiments import EXPERIMENTS
from inference.training.sources import SOURCES, DataError

_DATA_DEFAULT = Path("runs/data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; 0 when it worked, 2 with a sentence on stderr when its input is not right."""
    options = _parser().parse_args(arguments)
    try:
        options.run_step(options)
    except (DataError, FileNotFoundError, ReleaseError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _prepare(options: argparse.Namespace) -> None:
    from inference.training.prepare import prepare_data

    fresh = prepare_data(_need_data(options), options.out, options.size)
    print(f"{options.out}: {'prepared' if fresh else 'already up to date'}")


def _train(options: argparse.Namespace) -> None:
    from inference.training.train import make_config, train

    config = make_config(
        options.model,
        options.split,
        epochs=options.epochs,
        size=options.size,
        early_size=options.early_size,
        full_size_epochs=options.full_size_epochs,
        batch_size=options.batch_size,
        epoch_slices=options.epoch_slices,
        seed=options.seed,
        bf16=options.bf16,
        learning_rate=options.learning_rate,
        ema_decay=options.ema_decay,
        shares=dict(options.share),
        start=options.start_from and os.path.relpath(options.start_from, options.run),
        pretrained=False if options.from_scratch else None,
    )
    train(config, options.prepared, options.run, device=options.device, threads=options.threads)


def _evaluate(options: argparse.Namespace) -> None:
    from inference.training.evaluate import evaluate

    data = _need_data(options)
    evaluate(options.run, data, device=options.device, flips=options.flips)


def _experiment(options: argparse.Namespace) -> None:
    from inference.training.experiment import run_experiment

    report = run_experiment(
        options.name,
        _need_data(options),
        options.runs,
        report_only=options.report_only,
        device=options.device,
        threads=options.threads,
    )
    print(f"{report / 'README.md'}: written" if report else f"{options.name}: trained, evaluated")


def _gate(options: argparse.Namespace) -> None:
    from inference.training.gate import CARD, fit_gate

    fit_gate(options.prepared, options.others, options.run, steps=options.steps)
    print(f"{options.run / CARD}: written")


def _compare(options: argparse.Namespace) -> None:
    from inference.training.compare import compare

    print(compare(options.run))


def _export(options: argparse.Namespace) -> None:
    from inference.training.evaluate import METRICS
    from inference.training.experiment import REPORT
    from inference.training.export import export

    experiment = options.runs / options.name
    finished = sorted(path.parent for path in experiment.glob(f"*/{METRICS}"))
    chosen = [experiment / run for run in options.members] or finished
    if not chosen:
        raise FileNotFoundError(f"{experiment}: no run of this experiment is finished")
    report = options.report or experiment / REPORT
    gate = options.gate or options.runs / "gate"
    export(
        runs=chosen,
        report=report,
        gate=gate,
        out=options.out,
        networks=options.networks,
        results=options.results,
    )


def _readings(options: argparse.Namespace) -> None:
    from inference.training.readings import measure_readings

    print(measure_readings(options.release, _need_data(options), side=options.split))


def _share(text: str) -> tuple[str, float]:
    source, _, share = text.partition("=")
    if source not in SOURCES:
        raise argparse.ArgumentTypeError(f"{source} is none of {', '.join(SOURCES)}")
    return source, float(share)


def _need_data(options: argparse.Namespace) -> Path:
    if options.data is None:
        raise DataError("Say where the data folder is: --data DIR or FALX_DATA=DIR.")
    return Path(options.data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference.training", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    prepare = steps.add_parser("prepare", help="decode and prepare every slice once")
    _add_data(prepare)
    prepare.add_argument("--out", type=Path, default=_DATA_DEFAULT)
    prepare.add_argument("--size", type=int, default=256, help="side in pixels (default 256)")
    prepare.set_defaults(run_step=_prepare)

    train = steps.add_parser("train", help="train one model; the same command resumes it")
    train.add_argument("--model", choices=MODELS, required=True)
    train.add_argument("--split", default="slice", help="'slice' (default), 'fold:K' or 'all'")
    train.add_argument("--run", type=Path, required=True, help="the run's folder")
    train.add_argument("--epochs", type=int)
    train.add_argument("--size", type=int, help="side in pixels that the model is served at")
    train.add_argument("--early-size", type=int, help="side in pixels of all but the last epochs")
    train.add_argument("--full-size-epochs", type=int, help="last epochs, trained at --size")
    train.add_argument("--batch-size", type=int)
    train.add_argument("--epoch-slices", type=int, help="slices drawn per epoch (default: all)")
    train.add_argument("--seed", type=int)
    train.add_argument("--learning-rate", type=float, help="highest learning rate")
    train.add_argument("--ema-decay", type=float, help="of the moving average of the weights")
    train.add_argument(
        "--share",
        type=_share,
        action="append",
        default=[],
        metavar="SOURCE=SHARE",
        help="part of each epoch drawn from a source; can be given several times",
    )
    train.add_argument("--start-from", metavar="RUN", help="go on from another run's weights")
    train.add_argument(
        "--bf16", action="store_true", default=None, help="compute in bfloat16 where that is safe"
    )
    train.add_argument("--from-scratch", action="store_true", help="no ImageNet weights")
    train.add_argument("--threads", type=int, help="CPU threads (default: all)")
    train.add_argument("--prepared", type=Path, default=_DATA_DEFAULT, help="what prepare wrote")
    _add_device(train)
    train.set_defaults(run_step=_train)

    evaluate = steps.add_parser("evaluate", help="measure a run: metrics.json and plots")
    evaluate.add_argument("--run", type=Path, required=True)
    evaluate.add_argument("--flips", action="store_true", help="look at mirrored slices as well")
    _add_data(evaluate)
    _add_device(evaluate)
    evaluate.set_defaults(run_step=_evaluate)

    experiment = steps.add_parser(
        "experiment", help="a named experiment from data to report; the same command resumes it"
    )
    experiment.add_argument("name", choices=EXPERIMENTS)
    experiment.add_argument("--runs", type=Path, default=Path("runs"), help="default: runs")
    experiment.add_argument(
        "--report-only", action="store_true", help="report the runs that are finished"
    )
    experiment.add_argument("--threads", type=int, help="CPU threads (default: all)")
    _add_data(experiment)
    _add_device(experiment)
    experiment.set_defaults(run_step=_experiment)

    gate = steps.add_parser("gate", help="fit what tells slices of a head from other pictures")
    gate.add_argument(
        "--others", type=Path, required=True, help="folder of pictures that are no brain MRI"
    )
    gate.add_argument("--run", type=Path, default=Path("runs/gate"), help="default: runs/gate")
    gate.add_argument("--prepared", type=Path, default=_DATA_DEFAULT, help="what prepare wrote")
    gate.add_argument("--steps", type=int, default=1500, help="of each fit (default 1500)")
    gate.set_defaults(run_step=_gate)

    beside = steps.add_parser("compare", help="a table of evaluated runs of one split")
    beside.add_argument("run", type=Path, nargs="+", help="a run's folder")
    beside.set_defaults(run_step=_compare)

    readings = steps.add_parser("readings", help="measure a release as it is served")
    readings.add_argument("--release", type=Path, required=True)
    readings.add_argument("--split", choices=("val", "test"), default="test")
    _add_data(readings)
    readings.set_defaults(run_step=_readings)

    export = steps.add_parser("export", help="write a release folder from an experiment's runs")
    export.add_argument("name", choices=EXPERIMENTS)
    export.add_argument("--runs", type=Path, default=Path("runs"), help="default: runs")
    export.add_argument(
        "--members",
        nargs="+",
        default=[],
        metavar="RUN",
        help="the runs whose networks are averaged (default: all that are finished)",
    )
    export.add_argument(
        "--networks",
        nargs="+",
        default=[],
        metavar="EXPERIMENT-RUN",
        help="of runs that average several networks, those that the release has (default: all)",
    )
    export.add_argument(
        "--report",
        type=Path,
        help="the report that says what the recipe is worth (default: RUNS/NAME/report)",
    )
    export.add_argument(
        "--gate", type=Path, help="what the gate step wrote, or a release (default: RUNS/gate)"
    )
    export.add_argument("--out", type=Path, required=True, help="inference/releases/NAME")
    export.add_argument("--results", type=Path, help="folder for a copy of the report")
    export.set_defaults(run_step=_export)
    return parser


def _add_data(step: argparse.ArgumentParser) -> None:
    default = os.environ.get("FALX_DATA")
    step.add_argument(
        "--data",
        type=Path,
        default=Path(default) if default else None,
        help="folder of the data sets (default: FALX_DATA)",
    )


def _add_device(step: argparse.ArgumentParser) -> None:
    step.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
