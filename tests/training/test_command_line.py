"""From a data folder to a release that the engine reads, through the command line alone."""

import json
from pathlib import Path

import pytest

from inference.engine.engine import Engine
from inference.engine.release import CLASSES
from inference.training.cli import main
from scans.decoding import decode
from tests.samples import sample

TINY = ["--epochs", "1", "--epoch-slices", "8", "--batch-size", "4", "--size", "64"]


@pytest.fixture(scope="module")
def release(data: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    for model in ("cnn", "classifier", "segmenter"):
        run = str(runs / model)
        train = ["train", "--model", model, "--run", run, "--prepared", str(prepared)]
        assert main([*train, *TINY]) == 0
        assert main(["evaluate", "--run", run, "--data", str(data)]) == 0
    out = runs / "2026.1"
    arguments = ["--classifier", runs / "classifier", "--segmenter", runs / "segmenter"]
    arguments += ["--baseline", runs / "cnn", "--out", out, "--results", runs / "results"]
    assert main(["export", *map(str, arguments)]) == 0
    return out


def test_the_engine_reads_an_exported_release(release: Path) -> None:
    card = json.loads((release / "card.json").read_text())
    card["accept"]["distance_threshold"] = 1e9  # an untrained network's features say nothing
    (release / "card.json").write_text(json.dumps(card))
    slice_ = decode(sample("glioma").read_bytes())
    reading = Engine.load(release).read(slice_)
    assert reading.release == "2026.1"
    assert reading.mask is not None
    assert reading.mask.shape == slice_.pixels.shape[:2]
    assert reading.probabilities is not None
    assert list(reading.probabilities) == list(CLASSES)
    assert sum(reading.probabilities.values()) == pytest.approx(1)


def test_the_card_lists_every_file_and_every_measured_group(release: Path) -> None:
    card = json.loads((release / "card.json").read_text())
    loaded = {path.name for path in release.iterdir()} - {"card.json", "MODEL_CARD.md"}
    assert set(card["files"]) == loaded
    for model in ("classifier", "segmenter", "baseline"):
        assert set(card["metrics"][model]["groups"]) == {
            "home",
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
    assert {"README.md", "classifier-confusion.png", "segmenter-worst.png"} <= names


def test_training_a_finished_run_again_leaves_it_alone(
    release: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = release.parent / "cnn"
    before = (run / "weights.safetensors").stat().st_mtime_ns
    train = ["train", "--model", "cnn", "--run", str(run), "--prepared", str(prepared)]
    assert main([*train, *TINY]) == 0
    assert "already trained" in capsys.readouterr().out
    assert (run / "weights.safetensors").stat().st_mtime_ns == before


def test_a_run_folder_of_another_configuration_is_refused(
    release: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(release.parent / "cnn")
    train = ["train", "--model", "cnn", "--run", run, "--prepared", str(prepared)]
    assert main([*train, *TINY, "--seed", "7"]) == 2
    assert "another run" in capsys.readouterr().err


def test_exporting_a_run_that_was_not_evaluated_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--classifier", str(tmp_path), "--segmenter", str(tmp_path)]
    assert main(["export", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert "run the evaluate step first" in capsys.readouterr().err
