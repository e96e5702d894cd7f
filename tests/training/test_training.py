"""A run can be interrupted anywhere and comes out the same; augmentation is fair to the mask."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from inference.training.augment import training_transforms, tv_tensors
from inference.training.dataset import Item, SliceDataset
from inference.training.losses import dice_and_cross_entropy
from inference.training.prepare import read_prepared
from inference.training.train import make_config, train


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("cnn", "slice", epochs=3, epoch_slices=8, batch_size=4, size=32)
    train(config, prepared, tmp_path / "whole")
    load_item, loaded = SliceDataset.__getitem__, []

    def pull_the_plug(dataset: SliceDataset, index: int) -> Item:
        loaded.append(index)
        if len(loaded) == 24:  # in the midst of the second epoch
            raise KeyboardInterrupt
        return load_item(dataset, index)

    with monkeypatch.context() as patch:
        patch.setattr(SliceDataset, "__getitem__", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            train(config, prepared, tmp_path / "resumed")
    assert not (tmp_path / "resumed/weights.safetensors").exists()
    train(config, prepared, tmp_path / "resumed")

    history = [(tmp_path / run / "history.json").read_text() for run in ("whole", "resumed")]
    assert history[0] == history[1]
    assert history[0].count('"epoch"') == 3
    whole, resumed = (
        load_file(tmp_path / run / "weights.safetensors") for run in ("whole", "resumed")
    )
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert "resumed after epoch 1" in (tmp_path / "resumed/log.txt").read_text()
    assert (tmp_path / "resumed/curves.png").stat().st_size > 0


def test_two_processes_train_one_network_and_share_its_validation(
    prepared: Path, tmp_path: Path
) -> None:
    runs = {}
    for processes in (1, 2):
        given = {"processes": processes, "epochs": 1, "epoch_slices": 8, "batch_size": 4}
        config = make_config("cnn", "slice", size=32, **given)
        train(config, prepared, tmp_path / str(processes), threads=2)
        runs[processes] = json.loads((tmp_path / str(processes) / "history.json").read_text())
        assert (tmp_path / str(processes) / "weights.safetensors").is_file()
    # Both have measured the same validation slices, not each process a part of its own.
    alone, together = (runs[count][0]["val_loss"] for count in (1, 2))
    assert together == pytest.approx(alone, rel=0.1)


def test_training_learns_the_slices_it_sees(prepared: Path, tmp_path: Path) -> None:
    config = make_config("cnn", "slice", epochs=6, epoch_slices=16, batch_size=8, size=32)
    train(config, prepared, tmp_path)
    history = json.loads((tmp_path / "history.json").read_text())
    assert history[-1]["loss"] < history[0]["loss"]


def test_augmentation_keeps_pictures_bytes_and_masks_binary(prepared: Path) -> None:
    data = read_prepared(prepared)
    transforms = training_transforms(data.images, 0.6)
    image = tv_tensors.Image(torch.from_numpy(data.images[0].copy())[None])
    mask = tv_tensors.Mask((torch.from_numpy(data.masks[0].copy())[None] > 127).byte() * 255)
    area = int((mask > 0).sum())
    torch.manual_seed(1)
    for _ in range(40):
        picture, outline = transforms(image, mask)
        assert picture.dtype == torch.uint8
        assert picture.shape == image.shape
        assert set(outline.unique().tolist()) <= {0, 255}
        assert 0.4 * area < int((outline > 0).sum()) < 1.9 * area


def test_only_restyled_slices_change_their_greys(prepared: Path) -> None:
    data = read_prepared(prepared)
    image = tv_tensors.Image(torch.from_numpy(data.images[0].copy() // 2)[None])
    mask = tv_tensors.Mask(torch.from_numpy(data.masks[0].copy())[None])
    torch.manual_seed(1)
    brightest = {
        share: [
            int(training_transforms(data.images, share)(image, mask)[0].max()) for _ in range(20)
        ]
        for share in (0.0, 1.0)
    }
    assert max(brightest[0.0]) <= int(image.max())
    assert max(brightest[1.0]) > int(image.max())


def test_the_outline_loss_is_lowest_for_the_right_mask() -> None:
    masks = torch.zeros(3, 1, 16, 16)
    masks[0, 0, 4:8, 4:8] = 1
    masks[1, 0, 2:12, 2:12] = 1
    right = (masks * 2 - 1) * 10
    assert float(dice_and_cross_entropy(right, masks)) < 0.01
    for wrong in (torch.zeros_like(right), -right, torch.roll(right, 3, dims=3)):
        assert float(dice_and_cross_entropy(wrong, masks)) > 0.5
