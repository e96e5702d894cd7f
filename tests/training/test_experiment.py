"""An experiment goes from data to report, goes on where it was, and says what is missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from inference.training.cli import main
from inference.training.config import RECIPES
from inference.training.experiments import EXPERIMENTS, Experiment
from inference.training.predict import load_predictions

TINY = replace(
    RECIPES["joint"],
    architecture={"joint": "tf_efficientnet_lite0", "decoder_channels": [16, 8, 8, 8]},
    size=64,
    early_size=64,
    epochs=1,
    full_size_epochs=0,
    epoch_slices=8,
    batch_size=4,
    processes=1,
    bf16=False,
)


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature experiment of which one fold of two is finished."""
    folder = tmp_path_factory.mktemp("runs")
    fold = {"fold-0": replace(TINY, split="fold:0")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "miniature", Experiment("In miniature", fold))
        assert main(["experiment", "miniature", "--runs", str(folder), "--data", str(data)]) == 0
    return folder


@pytest.fixture
def two_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = {f"fold-{k}": replace(TINY, split=f"fold:{k}") for k in (0, 1)}
    monkeypatch.setitem(EXPERIMENTS, "miniature", Experiment("In miniature", folds))


@pytest.mark.usefixtures("two_folds")
def test_the_report_has_numbers_text_and_plots_and_names_what_is_missing(
    runs: Path, data: Path
) -> None:
    before = (runs / "miniature/fold-0/predictions.npz").stat().st_mtime_ns
    command = ["experiment", "miniature", "--runs", str(runs), "--data", str(data)]
    assert main([*command, "--report-only"]) == 0
    report = runs / "miniature/report"
    numbers = json.loads((report / "numbers.json").read_text())
    assert numbers["runs"] == ["fold-0"]
    assert numbers["missing"] == ["fold-1"]
    home = numbers["classes"]["groups"]["home"]
    assert sum(map(sum, home["confusion"])) == home["slices"]
    assert 0 <= numbers["outlines"]["groups"]["figshare"]["dice"] <= 1
    assert set(numbers["with_flips"]) == {"classes", "outlines"}
    probes = numbers["probes"]
    assert 0 < probes["tumour hidden"]["slices"] <= probes["as it is"]["slices"]
    assert probes["tumour hidden"]["dice"] is None
    assert 0 <= probes["JPEG quality 30"]["dice"] <= 1
    text = (report / "README.md").read_text()
    assert "missing here: fold-1" in text
    for plot in (
        "confusion",
        "roc",
        "coverage",
        "curves",
        "damage",
        "worst-classes",
        "worst-outlines",
    ):
        assert f"({plot}.png)" in text
        assert (report / f"{plot}.png").stat().st_size > 0
    assert (runs / "miniature/fold-0/predictions.npz").stat().st_mtime_ns == before


@pytest.mark.usefixtures("two_folds")
def test_the_same_command_goes_on_with_what_is_missing(runs: Path, data: Path) -> None:
    first = [runs / "miniature/fold-0" / name for name in ("weights.safetensors", "metrics.json")]
    before = [path.stat().st_mtime_ns for path in first]
    assert main(["experiment", "miniature", "--runs", str(runs), "--data", str(data)]) == 0
    assert [path.stat().st_mtime_ns for path in first] == before
    numbers = json.loads((runs / "miniature/report/numbers.json").read_text())
    assert numbers["runs"] == ["fold-0", "fold-1"]
    assert numbers["missing"] == []
    slices = [
        json.loads((runs / f"miniature/fold-{k}/metrics.json").read_text())["slices"]["test"]
        for k in (0, 1)
    ]
    pooled = numbers["classes"]["groups"]
    assert sum(own["slices"] for name, own in pooled.items() if name != "home") == sum(slices)


def test_a_run_goes_on_from_another_experiments_weights(
    runs: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A learning rate of nothing: what comes out is what it started from, down to the batch norms.
    still = replace(TINY, split="fold:0", learning_rate=0.0, start="../../miniature/fold-0")
    elsewhere = replace(still, start="../../miniature/fold-9")
    monkeypatch.setitem(EXPERIMENTS, "longer", Experiment("Longer", {"fold-0": still}))
    monkeypatch.setitem(EXPERIMENTS, "nowhere", Experiment("Nowhere", {"fold-0": elsewhere}))
    common = ["--runs", str(runs), "--data", str(data)]
    assert main(["experiment", "longer", *common]) == 0
    start = load_file(runs / "miniature/fold-0/weights.safetensors")
    end = load_file(runs / "longer/fold-0/weights.safetensors")
    torch.testing.assert_close(end["head.weight"], start["head.weight"])
    capsys.readouterr()
    assert main(["experiment", "nowhere", *common]) == 2
    assert "fold-9 is not a finished training run" in capsys.readouterr().err


def test_runs_of_one_split_can_be_measured_as_their_average(
    runs: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second = replace(TINY, split="fold:0", seed=7)
    both = replace(TINY, split="fold:0", members=("../../miniature/fold-0", "../../second/fold-0"))
    unlike = replace(both, split="fold:1")
    for name, config in (("second", second), ("both", both), ("unlike", unlike)):
        monkeypatch.setitem(EXPERIMENTS, name, Experiment(name, {"fold-0": config}))
    common = ["--runs", str(runs), "--data", str(data)]
    assert main(["experiment", "second", *common]) == 0
    assert main(["experiment", "both", *common]) == 0
    one, other, average = (
        load_predictions(runs / f"{name}/fold-0/predictions.npz", "test").logits
        for name in ("miniature", "second", "both")
    )
    assert one is not None
    assert other is not None
    assert average is not None
    np.testing.assert_allclose(average, (one + other) / 2, atol=1e-3)
    report = (runs / "both/report/README.md").read_text()
    assert "(confusion.png)" in report
    assert "(curves.png)" not in report
    capsys.readouterr()
    assert main(["experiment", "unlike", *common]) == 2
    assert "no joint network of fold:1 at 64 px" in capsys.readouterr().err


def test_a_network_of_all_patients_is_trained_and_fitted_but_not_reported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everyone = Experiment("Everyone", {"all": replace(TINY, split="all")}, reported=False)
    monkeypatch.setitem(EXPERIMENTS, "everyone", everyone)
    assert main(["experiment", "everyone", "--runs", str(tmp_path), "--data", str(data)]) == 0
    assert "everyone: trained, evaluated" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "everyone/all/metrics.json").read_text())
    assert metrics["slices"]["test"] == 0
    assert metrics["slices"]["val"] > 0
    assert metrics["chosen_on_val"]["temperature"] > 0
    assert not (tmp_path / "everyone/report").exists()


@pytest.mark.usefixtures("two_folds")
def test_an_experiment_without_a_finished_run_has_no_report(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["experiment", "miniature", "--runs", str(tmp_path), "--data", str(data)]
    assert main([*command, "--report-only"]) == 2
    assert "no run of this experiment is finished" in capsys.readouterr().err


def test_committed_experiments_never_pool_a_slice_twice() -> None:
    for name, experiment in EXPERIMENTS.items():
        splits = [config.split for config in experiment.runs.values()]
        assert len(set(splits)) == len(splits) or not experiment.reported, name
        assert splits in (["slice"], ["all"]) or all(
            split.startswith("fold:") for split in splits
        ), name
