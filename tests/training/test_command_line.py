"""From a data folder to a release that the engine reads, through the command line alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.engine.certainty import expected_dice
from inference.engine.engine import Engine
from inference.engine.openvino_backend import OpenVINOBackend
from inference.engine.preprocess import prepare
from inference.engine.release import CLASSES, RELEASES, find_release
from inference.engine.torch_backend import TorchBackend
from inference.training.cli import main
from inference.training.config import TrainConfig
from inference.training.experiments import EXPERIMENTS, Experiment
from inference.training.export import mean_knots
from scans.decoding import decode
from tests.samples import sample

TINY = ["--epochs", "1", "--epoch-slices", "8", "--batch-size", "4", "--size", "64"]
EARLY = ["--early-size", "64", "--full-size-epochs", "0"]


@pytest.fixture(scope="module")
def runs(data: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of a joint network, each trained, evaluated and reported step by step."""
    runs = tmp_path_factory.mktemp("runs")
    for fold in (0, 1):
        run = str(runs / f"joint-folds/fold-{fold}")
        train = ["train", "--model", "joint", "--split", f"fold:{fold}", "--run", run]
        assert main([*train, "--prepared", str(prepared), *TINY, *EARLY]) == 0
        assert main(["evaluate", "--run", run, "--data", str(data)]) == 0
    report = ["experiment", "joint-folds", "--runs", str(runs), "--data", str(data)]
    assert main([*report, "--report-only"]) == 0
    return runs


@pytest.fixture(scope="module")
def gate(runs: Path, prepared: Path) -> Path:
    """A gate that has seen a few slices, and a few drawings from three places."""
    others, random = runs / "others", np.random.default_rng(0)
    others.mkdir()
    for number in range(12):
        page = np.full((120, 120, 3), 255, np.uint8)
        for x, y in random.integers(0, 100, (9, 2)).tolist():
            cv2.putText(page, "Rx", (x, y), 0, 0.5, (200, 0, 0), 1, cv2.LINE_AA)
        cv2.imwrite(str(others / f"place{number % 3}-{number}.png"), page)
    (others / "place1-notes.txt").write_text("no picture")
    run = runs / "gate"
    arguments = ["--others", others, "--prepared", prepared, "--run", run, "--steps", 60]
    assert main(["gate", *map(str, arguments)]) == 0
    return run


@pytest.fixture(scope="module")
def release(runs: Path, gate: Path) -> Path:
    out = runs / "2026.1"
    arguments = ["--runs", runs, "--out", out, "--results", runs / "results"]
    assert main(["export", "joint-folds", *map(str, arguments)]) == 0
    return out


def trusting(release: Path, to: Path) -> Path:
    """A copy that takes every picture: its gate has hardly learned anything."""
    shutil.copytree(release, to)
    card = json.loads((to / "card.json").read_text())
    card["accept"]["threshold"] = -1e9
    (to / "card.json").write_text(json.dumps(card))
    return to


def test_the_engine_reads_an_exported_release(release: Path, tmp_path: Path) -> None:
    slice_ = decode(sample("glioma").read_bytes())
    reading = Engine.load(trusting(release, tmp_path / "copy")).read(slice_)
    assert reading.release == "2026.1"
    assert reading.mask is not None
    assert reading.mask.shape == slice_.pixels.shape[:2]
    assert reading.probabilities is not None
    assert list(reading.probabilities) == list(CLASSES)
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    if reading.measurements is not None:
        assert reading.measurements["expected_dice"] is not None


def test_a_release_of_two_networks_says_what_they_say_on_average(
    release: Path, runs: Path, tmp_path: Path
) -> None:
    picture = prepare(decode(sample("glioma").read_bytes()).pixels).resized(64)
    together = find_release(release)
    assert together.classifiers == ("fold-0", "fold-1")
    apart = [replace(together, classifiers=(name,)) for name in together.classifiers]
    one, other = (OpenVINOBackend(own, precision="f32").classify([picture])[0] for own in apart)
    (both,) = OpenVINOBackend(together, precision="f32").classify([picture])
    of_many, _ = OpenVINOBackend(together, precision="f32").classify([picture] * 2)
    (by_torch,) = TorchBackend(together, "cpu").classify([picture])
    assert one.mask is not None
    assert other.mask is not None
    for said in (both, of_many, by_torch):
        assert said.mask is not None
        np.testing.assert_allclose(said.logits, (one.logits + other.logits) / 2, atol=0.02)
        np.testing.assert_allclose(said.mask, (one.mask + other.mask) / 2, atol=0.05)
        np.testing.assert_allclose(said.features, one.features, atol=0.1)


def test_a_release_of_averaged_runs_has_all_their_networks(
    release: Path,
    runs: Path,
    gate: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(runs / "joint-folds/fold-0", runs / "copied/fold-0")
    alone = TrainConfig.read(runs / "joint-folds/fold-0/config.json")
    twice = replace(alone, members=("../../joint-folds/fold-0", "../../copied/fold-0"))
    monkeypatch.setitem(EXPERIMENTS, "twice", Experiment("Twice", {"fold-0": twice}))
    assert main(["experiment", "twice", "--runs", str(runs), "--data", str(data)]) == 0
    out = runs / "2026.2"
    assert main(["export", "twice", "--runs", str(runs), "--out", str(out)]) == 0
    found = find_release(out)
    assert found.classifiers == ("joint-folds-fold-0", "copied-fold-0")
    some = ["export", "twice", "--runs", str(runs), "--out", str(runs / "2026.5"), "--networks"]
    assert main([*some, "copied-fold-0"]) == 0
    assert find_release(runs / "2026.5").classifiers == ("copied-fold-0",)
    assert main([*some, "fold-0"]) == 2
    assert "the networks are joint-folds-fold-0, copied-fold-0" in capsys.readouterr().err
    assert json.loads((out / "card.json").read_text())["joint"]["members"] == {
        "joint-folds-fold-0": "fold:0",
        "copied-fold-0": "fold:0",
    }
    picture = prepare(decode(sample("glioma").read_bytes()).pixels).resized(64)
    first = replace(find_release(release), classifiers=("fold-0",))
    (one,), (both,) = (
        OpenVINOBackend(own, precision="f32").classify([picture]) for own in (first, found)
    )
    np.testing.assert_allclose(both.logits, one.logits, atol=1e-4)


def test_the_gate_says_the_same_in_every_form(release: Path, prepared: Path) -> None:
    pictures = [
        prepare(decode(sample(kind).read_bytes()).pixels).resized(224)
        for kind in ("glioma", "no_tumor")
    ]
    found = find_release(release)
    graph, network = OpenVINOBackend(found, precision="f32"), TorchBackend(found, "cpu")
    expected = network.recognise(pictures)
    np.testing.assert_allclose(graph.recognise(pictures), expected, atol=0.05)
    apart = [graph.recognise([picture])[0] for picture in pictures]
    np.testing.assert_allclose(apart, expected, atol=0.05)


def test_a_gate_is_measured_on_what_it_was_not_fitted_to(gate: Path, release: Path) -> None:
    card = json.loads((gate / "gate.json").read_text())
    assert json.loads((release / "card.json").read_text())["accept"] == card
    measured = card["measured"]
    assert measured["others"] == 24  # each in colour and in grey
    assert measured["others_refused"] > 0.9
    assert set(measured["slices_refused"]) == {
        "as_they_are",
        "upside_down",
        "without_skull",
        "augmented",
    }
    assert "Fitted to the other folds" in (release / "MODEL_CARD.md").read_text()


def test_a_gate_asks_for_pictures_of_other_things(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--others", tmp_path, "--prepared", prepared, "--run", tmp_path / "gate"]
    assert main(["gate", *map(str, arguments)]) == 2
    assert "no picture that can be decoded" in capsys.readouterr().err


def test_a_gate_is_measured_on_pictures_of_an_origin_that_it_has_not_seen(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "place-1.png"), np.full((120, 120), 255, np.uint8))
    arguments = ["--others", tmp_path, "--prepared", prepared, "--run", tmp_path / "gate"]
    assert main(["gate", *map(str, arguments)]) == 2
    assert "two origins" in capsys.readouterr().err


def test_a_release_without_a_gate_is_not_made(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--runs", runs, "--gate", tmp_path, "--out", tmp_path / "2026.3"]
    assert main(["export", "joint-folds", *map(str, arguments)]) == 2
    assert "run the gate step first" in capsys.readouterr().err
    assert not (tmp_path / "2026.3").exists()


def test_a_recipe_may_be_measured_by_another_experiment(
    runs: Path, gate: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(runs / "joint-folds/fold-0", tmp_path / "joint-all/all")
    config = TrainConfig.read(run / "config.json")
    replace(config, split="all").write(run / "config.json")
    arguments = ["--runs", tmp_path, "--gate", gate, "--out", tmp_path / "2026.4"]
    arguments += ["--report", runs / "joint-folds/report"]
    assert main(["export", "joint-all", *map(str, arguments)]) == 0
    card = json.loads((tmp_path / "2026.4/card.json").read_text())
    assert card["joint"]["members"] == {"all": "all"}
    assert card["metrics"]["runs"] == ["fold-0", "fold-1"]
    text = (tmp_path / "2026.4/MODEL_CARD.md").read_text()
    assert "from all patients but those on whom thresholds were chosen" in text
    assert "$" not in text


def test_a_release_can_take_over_the_gate_of_another(
    runs: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = runs / "2026.7"
    arguments = ["export", "joint-folds", "--runs", runs, "--out", out, "--gate"]
    assert main([*map(str, arguments), str(release)]) == 0
    old, new = (json.loads((own / "card.json").read_text()) for own in (release, out))
    assert new["accept"] == old["accept"]
    weights = "gate.safetensors"
    assert new["files"][weights] == old["files"][weights]
    (out / weights).write_bytes(b"damaged")
    assert main([*map(str, arguments), str(out)]) == 2
    assert "does not match its checksum" in capsys.readouterr().err
    assert main([*map(str, arguments), str(RELEASES / "2026.11")]) == 2
    assert "holds no gate" in capsys.readouterr().err


def test_the_members_of_a_release_can_be_chosen_and_others_do_not_stay(
    runs: Path, gate: Path
) -> None:
    out = runs / "2026.6"
    for chosen in ("fold-0", "fold-1"):
        arguments = ["--runs", runs, "--members", chosen, "--out", out]
        assert main(["export", "joint-folds", *map(str, arguments)]) == 0
    card = json.loads((out / "card.json").read_text())
    assert card["joint"]["members"] == {"fold-1": "fold:1"}
    assert "fold-1.xml" in card["files"]
    assert not [*out.glob("fold-0.*"), *(name for name in card["files"] if "fold-0" in name)]


def test_a_release_is_measured_by_each_network_on_what_it_has_not_seen(
    release: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = trusting(release, tmp_path / "copy")
    assert main(["readings", "--release", str(copy), "--data", str(data)]) == 0
    home = capsys.readouterr().out.splitlines()[2].split(" | ")
    metrics = [
        json.loads((release.parent / f"joint-folds/{name}/metrics.json").read_text())
        for name in ("fold-0", "fold-1")
    ]
    assert int(home[1]) == sum(own["groups"]["home"]["slices"] for own in metrics)
    assert home[2] == "0.0 %"


def test_the_card_lists_every_file_and_every_measured_group(release: Path) -> None:
    card = json.loads((release / "card.json").read_text())
    loaded = {path.name for path in release.iterdir()} - {"card.json", "MODEL_CARD.md"}
    assert set(card["files"]) == loaded
    assert card["metrics"]["runs"] == ["fold-0", "fold-1"]
    assert set(card["metrics"]["outlines"]["groups"]) == {
        "figshare",
        "no_tumor",
        "other_scanners",
        "gbm_with_tumor",
        "contrast_without_tumor",
    }


def test_the_readable_card_names_sources_and_what_is_not_known(release: Path) -> None:
    text = (release / "MODEL_CARD.md").read_text()
    assert "10.6084/m9.figshare.1512427" in text
    assert "not measured" in text
    assert "$" not in text


def test_results_for_the_documentation_hold_the_plots(release: Path) -> None:
    names = {path.name for path in (release.parent / "results").iterdir()}
    assert {"README.md", "numbers.json", "confusion.png", "worst-outlines.png"} <= names


@pytest.fixture(scope="module")
def cnn(data: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("cnn") / "run"
    train = ["train", "--model", "cnn", "--run", str(run), "--prepared", str(prepared)]
    assert main([*train, *TINY]) == 0
    return run


def test_training_a_finished_run_again_leaves_it_alone(
    cnn: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (cnn / "weights.safetensors").stat().st_mtime_ns
    train = ["train", "--model", "cnn", "--run", str(cnn), "--prepared", str(prepared)]
    assert main([*train, *TINY]) == 0
    assert "already trained" in capsys.readouterr().out
    assert (cnn / "weights.safetensors").stat().st_mtime_ns == before


def test_a_run_folder_of_another_configuration_is_refused(
    cnn: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "--model", "cnn", "--run", str(cnn), "--prepared", str(prepared)]
    assert main([*train, *TINY, "--seed", "7"]) == 2
    assert "another run" in capsys.readouterr().err


def test_a_run_does_not_go_on_from_one_of_another_split(
    runs: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "--model", "joint", "--run", str(tmp_path / "run"), "--split", "fold:1"]
    train += ["--start-from", str(runs / "joint-folds/fold-0"), "--prepared", str(prepared)]
    assert main([*train, *TINY, *EARLY]) == 2
    assert "another split" in capsys.readouterr().err


def test_runs_of_one_split_stand_side_by_side(
    runs: Path, cnn: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = runs / "joint-folds/fold-0", runs / "joint-folds/fold-1"
    copy = shutil.copytree(first, tmp_path / "joint-folds-again/fold-0")
    assert main(["compare", str(first), str(copy)]) == 0
    head, _, one, other = capsys.readouterr().out.splitlines()
    assert head.startswith("| test side of fold:0 | epochs | tumours right |")
    assert one.startswith("| joint-folds/fold-0 | 1 |")
    assert one.split("|")[3:] == other.split("|")[3:]
    right = json.loads((first / "metrics.json").read_text())["groups"]["home"]
    assert one.split(" | ")[2] == f"{100 * right['tumor_slices_accuracy']:.1f} %"
    assert main(["compare", str(first), str(second)]) == 2
    assert "different slices: fold:0, fold:1" in capsys.readouterr().err
    assert main(["compare", str(cnn)]) == 2
    assert "run the evaluate step first" in capsys.readouterr().err


def test_a_release_that_is_not_there_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["readings", "--release", str(tmp_path), "--data", str(data)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_exporting_a_run_that_was_not_evaluated_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", "joint-folds", "--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "no run of this experiment is finished" in capsys.readouterr().err
    assert main([*arguments, "--members", "fold-3"]) == 2
    assert "run the evaluate step first" in capsys.readouterr().err


def test_averaged_lines_are_lines_through_the_means() -> None:
    rising, flat = ((0.2, 0.0), (0.8, 0.6)), ((0.5, 0.4), (0.9, 0.4))
    knots = mean_knots([rising, flat])
    assert [place for place, _ in knots] == [0.2, 0.5, 0.8, 0.9]
    for share in (0.0, 0.35, 0.65, 0.85, 1.0):
        means = (expected_dice(share, rising) + expected_dice(share, flat)) / 2
        assert expected_dice(share, knots) == pytest.approx(means)
