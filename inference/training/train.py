"""Step two: train one model into a run folder, resuming whatever stands there already.

A run folder holds `config.json`, `log.txt`, `history.json` (one entry per epoch), `curves.png`,
`checkpoint.pt` (everything needed to go on) and, at the end, `weights.safetensors`: the moving
average of the weights, which is what is evaluated and exported.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from inference.engine.networks import Classifier, Segmenter, build_classifier, build_segmenter
from inference.training.config import RECIPES, TrainConfig
from inference.training.dataset import Item, SliceDataset, epoch_order, split_places
from inference.training.losses import dice_and_cross_entropy
from inference.training.metrics import image_dice
from inference.training.plots import plot_curves
from inference.training.prepare import PreparedData, read_prepared
from inference.training.pretrained import load_imagenet

CONFIG, WEIGHTS = "config.json", "weights.safetensors"
_CHECKPOINT, _HISTORY, _CURVES, _LOG = "checkpoint.pt", "history.json", "curves.png", "log.txt"
_MAX_GRADIENT_NORM = 5.0

log = logging.getLogger(__name__)
Network = Classifier | Segmenter


def make_config(model: str, split: str, **given: Any) -> TrainConfig:
    """The recipe of `model` with every given value that is not None put in its place."""
    values: dict[str, Any] = {**asdict(RECIPES[model]), "split": split}
    values |= {name: value for name, value in given.items() if value is not None}
    values["shares"] = {**RECIPES[model].shares, **(given.get("shares") or {})}
    if given.get("size") and not given.get("early_size"):
        values["early_size"] = values["size"]
    return TrainConfig(**values)


def train(
    config: TrainConfig,
    prepared: Path,
    run: Path,
    *,
    device: str = "cpu",
    threads: int | None = None,
) -> None:
    """Train until `config.epochs` epochs stand in `run`; a run that is complete is left alone.

    Raises ValueError if `run` was started with another config, FileNotFoundError without data.
    """
    run.mkdir(parents=True, exist_ok=True)
    _keep_config(config, run / CONFIG)
    if (run / WEIGHTS).is_file():
        print(f"{run}: already trained")
        return
    if threads:
        torch.set_num_threads(threads)
    _log_to(run / _LOG)
    trainer = _Trainer(config, read_prepared(prepared), torch.device(device))
    trainer.resume(run / _CHECKPOINT)
    while trainer.epoch < config.epochs:
        trainer.run_epoch()
        log.info("epoch %d: %s", trainer.epoch, trainer.history[-1])
        trainer.save(run / _CHECKPOINT)
        (run / _HISTORY).write_text(json.dumps(trainer.history, indent=2))
        plot_curves(trainer.history, run / _CURVES)
    weights = trainer.average.module.state_dict()
    save_file({name: value.cpu().contiguous() for name, value in weights.items()}, run / WEIGHTS)


def build_network(config: TrainConfig) -> Network:
    """The network of a run, with random weights."""
    if config.model == "segmenter":
        return build_segmenter(config.architecture)
    return build_classifier(config.architecture)


def load_network(run: Path) -> tuple[TrainConfig, Network]:
    """A trained run's config and its network in evaluation mode, on the CPU.

    Raises FileNotFoundError if the run is not finished.
    """
    if not (run / WEIGHTS).is_file():
        raise FileNotFoundError(f"{run} is not a finished training run")
    config = TrainConfig.read(run / CONFIG)
    network = build_network(config)
    network.load_state_dict(load_file(run / WEIGHTS))
    return config, network.eval()


class _Trainer:
    """The state of a run between two epochs, and how to get from one to the next."""

    def __init__(self, config: TrainConfig, data: PreparedData, device: torch.device) -> None:
        self.config, self.device = config, device
        sides = split_places(data.records, config.split)
        self._train = SliceDataset(data, sides["train"], augmented=True)
        self._val = SliceDataset(data, sides["val"], augmented=False)
        self._sources = [data.records[place].source for place in sides["train"]]
        self._count = config.epoch_slices or len(self._train)
        torch.manual_seed(config.seed)
        network = build_network(config)
        if config.start:
            network.load_state_dict(load_file(Path(config.start) / WEIGHTS))
        elif config.pretrained:
            encoder = config.architecture.get("encoder") or config.architecture["name"]
            log.info("%d tensors from ImageNet", load_imagenet(network, encoder))
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
        )
        self._optimiser = torch.optim.AdamW(
            _parameter_groups(self.network, config.weight_decay), lr=config.learning_rate
        )
        steps = config.epochs * (self._count // config.batch_size)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: _warm_cosine(step, steps, config.warmup_share)
        )
        self.epoch = 0
        self.history: list[dict[str, float]] = []

    def run_epoch(self) -> None:
        """One pass over the epoch's slices, then a look at the validation slices."""
        # Everything random in an epoch follows from its number: a resumed run repeats it exactly.
        torch.manual_seed(self.config.seed * 1_000 + self.epoch)
        size = self.config.size_at(self.epoch)
        self.network.train()
        losses = []
        progress = tqdm(list(self._batches()), desc=f"epoch {self.epoch + 1}", unit="batch")
        for item in DataLoader(self._train, batch_sampler=progress, num_workers=self._workers()):
            losses.append(self._step(_to(item, self.device, size)))
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
        measured = validate(self.average.module, self._val, self.config.size, self.device)
        self.epoch += 1
        self.history.append({"epoch": self.epoch, "loss": sum(losses) / len(losses), **measured})

    def save(self, path: Path) -> None:
        """Write the checkpoint so that a crash while writing leaves the previous one whole."""
        state = {
            "epoch": self.epoch,
            "history": self.history,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Go back to where a checkpoint left off; without one, start at the beginning."""
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.epoch, self.history = state["epoch"], state["history"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        log.info("resumed after epoch %d", self.epoch)

    def _batches(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.config.seed * 1_000 + self.epoch)
        order = epoch_order(self._sources, self.config.shares, self._count, generator)
        size = self.config.batch_size
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size].tolist()

    def _workers(self) -> int:
        return 0 if self.device.type == "cpu" else 8

    def _step(self, item: Item) -> float:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            loss = _loss(self.network, item, self.config.label_smoothing)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()
        self.average.update_parameters(self.network)
        return float(loss.detach())


@torch.inference_mode()
def validate(
    network: nn.Module, dataset: SliceDataset, size: int, device: torch.device
) -> dict[str, float]:
    """Loss and accuracy of a classifier, loss and mean per-slice Dice of a segmenter."""
    network.eval()
    losses, scores = [], []
    for batch in DataLoader(dataset, batch_size=32):
        item = _to(batch, device, size)
        losses += [float(_loss(network, item, 0.0))] * len(item.label)
        if isinstance(network, Segmenter):
            found = (network(item.image) > 0).cpu().numpy()
            pairs = zip(found, (item.mask > 0.5).cpu().numpy(), strict=True)
            scores += [image_dice(ours, theirs) for ours, theirs in pairs if theirs.any()]
        else:
            logits, _, _ = network(item.image)
            scores += (logits.argmax(1) == item.label).float().tolist()
    name = "val_dice" if isinstance(network, Segmenter) else "val_accuracy"
    count = max(len(losses), 1)
    return {"val_loss": sum(losses) / count, name: sum(scores) / max(len(scores), 1)}


def _loss(network: nn.Module, item: Item, label_smoothing: float) -> Tensor:
    if isinstance(network, Segmenter):
        return dice_and_cross_entropy(network(item.image), item.mask)
    logits, _, _ = network(item.image)
    return cross_entropy(logits.float(), item.label, label_smoothing=label_smoothing)


def _to(item: Item, device: torch.device, size: int) -> Item:
    """The batch on the device, at the size that this epoch trains at."""
    image, mask = item.image.to(device), item.mask.to(device)
    if image.shape[-1] != size:
        image = interpolate(image, size, mode="bilinear", antialias=True)
        mask = interpolate(mask, size, mode="bilinear", antialias=True)
    return Item(image.contiguous(memory_format=torch.channels_last), mask, item.label.to(device))


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: decaying a norm's scale helps nobody."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _warm_cosine(step: int, steps: int, warmup_share: float) -> float:
    """Factor on the learning rate: linear up, then half a cosine down to a hundredth."""
    warmup = max(1, round(steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _keep_config(config: TrainConfig, path: Path) -> None:
    if not path.is_file():
        config.write(path)
    elif TrainConfig.read(path) != config:
        raise ValueError(f"{path} describes another run: use a new run folder")


def _log_to(path: Path) -> None:
    log.setLevel(logging.INFO)
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
