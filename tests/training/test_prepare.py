"""Slices are prepared once, with their masks, on the right side of each split."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.training.cli import main
from inference.training.dataset import epoch_order, split_places
from inference.training.prepare import read_prepared
from inference.training.sources import GBM_VOLUMES, SliceRecord, list_slices, load
from tests.training.miniature import make_data, make_volume


def test_preparing_again_does_nothing_until_an_input_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = make_data(tmp_path / "data"), tmp_path / "out"
    command = ["prepare", "--data", str(data), "--out", str(out), "--size", "32"]
    assert main(command) == 0
    assert main(command) == 0
    assert "already up to date" in capsys.readouterr().out
    make_volume(data / GBM_VOLUMES, "patient03")
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}: prepared\n"


def test_a_missing_data_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["prepare", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"No figshare folder in {tmp_path}" in capsys.readouterr().err
    monkeypatch.delenv("FALX_DATA", raising=False)
    assert main(["prepare", "--out", str(tmp_path / "out")]) == 2
    assert "--data DIR or FALX_DATA=DIR" in capsys.readouterr().err


def test_volume_slices_are_labelled_by_their_masks_and_padding_is_dropped(data: Path) -> None:
    volumes = [record for record in list_slices(data) if record.source == GBM_VOLUMES]
    labels = [(record.patient, record.index, record.label) for record in volumes]
    assert labels == [
        ("patient01", 0, "glioma"),
        ("patient01", 1, "no_tumor"),
        ("patient02", 0, "glioma"),
        ("patient02", 1, "no_tumor"),
    ]


def test_a_volume_slice_lies_as_a_viewer_shows_it(data: Path) -> None:
    """It was made from a picture of another set, so both must come out alike."""
    records = list_slices(data)
    picture = next(r for r in records if r.image.endswith("figshare/glioma_1.jpg"))
    volume = next(r for r in records if r.source == GBM_VOLUMES and r.label == "glioma")
    pixels, mask = load(data, picture)
    volume_pixels, volume_mask = load(data, volume)
    assert np.array_equal(mask, volume_mask)
    assert np.corrcoef(pixels.ravel(), volume_pixels.ravel())[0, 1] > 0.99


def test_prepared_masks_keep_their_tumour(prepared: Path) -> None:
    found = read_prepared(prepared)
    for record, image, mask in zip(found.records, found.images, found.masks, strict=True):
        assert image.max() > 200
        assert bool(mask.any()) == (record.label != "no_tumor")


@pytest.mark.parametrize("fold", range(5))
def test_a_patient_never_stands_on_both_sides_of_a_fold(fold: int) -> None:
    records = [_record(patient=f"P{n // 3}", fold=n // 3 % 5) for n in range(90)]
    sides = split_places(records, f"fold:{fold}")
    patients = {side: {records[p].patient for p in places} for side, places in sides.items()}
    assert not patients["train"] & patients["test"]
    assert not patients["train"] & patients["val"]
    assert not patients["val"] & patients["test"]
    assert {records[place].fold for place in sides["test"]} == {fold}


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="fold:5"):
        split_places([], "fold:5")


def test_an_epoch_draws_each_source_by_its_share() -> None:
    sources = ["large"] * 90 + ["small"] * 10
    order = epoch_order(sources, {"large": 0.5, "small": 0.5}, 80, torch.Generator())
    drawn = [sources[place] for place in order]
    assert drawn.count("large") == drawn.count("small") == 40
    counts = np.bincount(order, minlength=100)
    assert set(counts[90:]) == {4}  # all of them before any comes again
    assert counts[:90].max() == 1


def _record(*, patient: str, fold: int) -> SliceRecord:
    return SliceRecord("figshare", "image", "mask", -1, "glioma", patient, "", fold, "train")
