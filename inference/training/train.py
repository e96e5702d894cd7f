"""Step two: train one model into a run folder, resuming whatever stands there already.

A run folder holds `config.json`, `log.txt`, `history.json` (one entry per epoch), `curves.png`,
`checkpoint.pt` (everything needed to go on) and, at the end, `weights.safetensors`: the moving
average of the weights, which is what is evaluated and exported.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from inference.engine.networks import (
    Classifier,
    Joint,
    Segmenter,
    build_classifier,
    build_joint,
    build_segmenter,
)
from inference.training.average import Average
from inference.training.config import RECIPES, TrainConfig
from inference.training.dataset import Item, SliceDataset, epoch_order, split_places
from inference.training.depthwise import quicken
from inference.training.losses import dice_and_cross_entropy
from inference.training.metrics import image_dice
from inference.training.parallel import Peers, in_parallel
from inference.training.plots import plot_curves
from inference.training.prepare import PreparedData, read_prepared
from inference.training.pretrained import load_imagenet
from inference.training.transplant import GraftRates

CONFIG, WEIGHTS, HISTORY = "config.json", "weights.safetensors", "history.json"
_CHECKPOINT, _CURVES, _LOG = "checkpoint.pt", "curves.png", "log.txt"
_MAX_GRADIENT_NORM = 5.0

log = logging.getLogger(__name__)
Network = Classifier | Segmenter | Joint


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

    Raises ValueError if `run` was started with another config, or with runs that do not belong
    together, FileNotFoundError without data or where a run that this one needs is not finished.
    """
    run.mkdir(parents=True, exist_ok=True)
    _keep_config(config, run / CONFIG)
    if config.members:
        load_network(run)
        return
    if (run / WEIGHTS).is_file():
        print(f"{run}: already trained")
        return
    if config.start:
        _check_start(config, run / config.start)
    work = partial(
        _train, config=config, prepared=prepared, run=run, device=device, threads=threads
    )
    in_parallel(config.processes, work)


def _check_start(config: TrainConfig, start: Path) -> None:
    """Another split's network has been trained on slices that this one is tested on."""
    if not (start / WEIGHTS).is_file():
        raise FileNotFoundError(f"{start} is not a finished training run")
    own = TrainConfig.read(start / CONFIG)
    if (own.split, own.architecture) != (config.split, config.architecture):
        raise ValueError(f"{start} is of another split or architecture")


def _train(
    peers: Peers,
    *,
    config: TrainConfig,
    prepared: Path,
    run: Path,
    device: str,
    threads: int | None,
) -> None:
    """What each process of a run does; the first one writes."""
    threads = threads or torch.get_num_threads()
    torch.set_num_threads(max(1, threads // peers.count))
    cv2.setNumThreads(0)  # its own threads would stand in the way of torch's
    if peers.first:
        _log_to(run / _LOG)
    start = run / config.start if config.start else None
    trainer = _Trainer(config, read_prepared(prepared), torch.device(device), peers, start)
    trainer.resume(run / _CHECKPOINT)
    while trainer.epoch < config.epochs:
        trainer.run_epoch()
        if not peers.first:
            continue
        log.info("epoch %d: %s", trainer.epoch, trainer.history[-1])
        trainer.save(run / _CHECKPOINT)
        (run / HISTORY).write_text(json.dumps(trainer.history, indent=2))
        plot_curves({run.name: trainer.history}, run / _CURVES)
    if not peers.first:
        return
    weights = trainer.average.module.state_dict()
    save_file({name: value.cpu().contiguous() for name, value in weights.items()}, run / WEIGHTS)


def build_network(config: TrainConfig) -> Network:
    """The network of a run, with random weights."""
    if config.model == "joint":
        return build_joint(config.architecture)
    if config.model == "segmenter":
        return build_segmenter(config.architecture)
    return build_classifier(config.architecture)


def load_network(run: Path) -> tuple[TrainConfig, Network | Average]:
    """A trained run's config and its network in evaluation mode, on the CPU.

    Raises FileNotFoundError if the run is not finished, ValueError if it averages runs of another
    split, size or kind.
    """
    unfinished = FileNotFoundError(f"{run} is not a finished training run")
    if not (run / CONFIG).is_file():
        raise unfinished
    config = TrainConfig.read(run / CONFIG)
    if config.members:
        return config, _average(config, [run / own for own in config.members])
    if not (run / WEIGHTS).is_file():
        raise unfinished
    network = build_network(config)
    network.load_state_dict(load_file(run / WEIGHTS))
    return config, network.eval()


def _average(config: TrainConfig, runs: Sequence[Path]) -> Average:
    members = []
    for run in runs:
        own, network = load_network(run)
        if (own.split, own.size) != (config.split, config.size) or not isinstance(network, Joint):
            raise ValueError(f"{run} is no joint network of {config.split} at {config.size} px")
        members.append(network)
    return Average(members).eval()


class _Trainer:
    """The state of a run between two epochs, and how to get from one to the next."""

    def __init__(
        self,
        config: TrainConfig,
        data: PreparedData,
        device: torch.device,
        peers: Peers,
        start: Path | None,
    ) -> None:
        self.config, self.device, self._peers = config, device, peers
        sides = split_places(data.records, config.split)
        grafts = GraftRates(config.transplant, config.removal, config.decoy)
        self._train = SliceDataset(
            data, sides["train"], augmented=True, restyled=config.restyled, grafts=grafts
        )
        own_val = sides["val"][peers.rank :: peers.count]
        self._val = SliceDataset(data, own_val, augmented=False)
        self._sources = [data.records[place].source for place in sides["train"]]
        self._count = config.epoch_slices or len(self._train)
        torch.manual_seed(config.seed)
        network = build_network(config)
        if start is not None:
            network.load_state_dict(load_file(start / WEIGHTS))
            log.info("goes on from %s", start)
        elif config.pretrained:
            encoder = _encoder(config)
            log.info("%d tensors from ImageNet", load_imagenet(network, encoder))
        self.network = network.to(device)
        if device.type == "cpu":
            quicken(self.network)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
        )
        self._optimiser = torch.optim.AdamW(
            _parameter_groups(self.network, config), config.learning_rate, fused=True
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
        seed = self.config.seed * 1_000 + self.epoch
        torch.manual_seed(seed * self._peers.count + self._peers.rank)
        size = self.config.size_at(self.epoch)
        self.network.train()
        losses = []
        progress = tqdm(
            list(self._batches()),
            desc=f"epoch {self.epoch + 1}",
            unit="batch",
            mininterval=5,
            disable=not self._peers.first,
        )
        for item in DataLoader(self._train, batch_sampler=progress, num_workers=self._workers()):
            losses.append(self._step(_to(item, self.device, size)))
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
        # Batch norms have seen a part of each batch only.
        self._peers.average([*self.network.buffers(), *self.average.module.buffers()])
        with self._precision():
            sums = validate(self.average.module, self._val, self.config.size, self.device)
        self.epoch += 1
        loss = sum(losses) / len(losses)
        self.history.append({"epoch": self.epoch, "loss": loss, **self._means(sums)})

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
            yield order[start : start + size].tolist()[self._peers.rank :: self._peers.count]

    def _means(self, sums: dict[str, tuple[float, int]]) -> dict[str, float]:
        """Over the validation slices of all processes."""
        totals = self._peers.totals([float(value) for pair in sums.values() for value in pair])
        pairs = zip(sums, totals[::2], totals[1::2], strict=True)
        return {name: total / max(count, 1) for name, total, count in pairs}

    def _workers(self) -> int:
        return 0 if self.device.type == "cpu" else 8

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16)

    def _step(self, item: Item) -> float:
        with self._precision():
            logits, masks = _answer(self.network, item.image)
        loss = _loss(logits, masks, item, self.config.label_smoothing)
        loss.backward()
        self._peers.average([p.grad for p in self.network.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()
        self.average.update_parameters(self.network)
        return float(loss.detach())


@torch.inference_mode()
def validate(
    network: nn.Module, dataset: SliceDataset, size: int, device: torch.device
) -> dict[str, tuple[float, int]]:
    """Sums and counts of the loss, the accuracy of the class and the Dice of each tumour slice."""
    network.eval()
    found: dict[str, list[float]] = {"val_loss": []}
    for batch in DataLoader(dataset, batch_size=16):
        item = _to(batch, device, size)
        logits, masks = _answer(network, item.image)
        found["val_loss"] += [float(_loss(logits, masks, item, 0.0))] * len(item.label)
        if logits is not None:
            right = (logits.argmax(1) == item.label).float().tolist()
            found.setdefault("val_accuracy", []).extend(right)
        if masks is not None:
            pairs = zip((masks > 0).cpu().numpy(), (item.mask > 0.5).cpu().numpy(), strict=True)
            dice = [image_dice(own, theirs) for own, theirs in pairs if theirs.any()]
            found.setdefault("val_dice", []).extend(dice)
    return {name: (sum(own), len(own)) for name, own in found.items()}


def _answer(network: nn.Module, images: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Class logits and mask logits, whichever of the two a network gives."""
    if isinstance(network, Segmenter):
        return None, network(images)
    logits, _, _, *masks = network(images)
    return logits, masks[0] if masks else None


def _loss(
    logits: Tensor | None, masks: Tensor | None, item: Item, label_smoothing: float
) -> Tensor:
    parts = []
    if logits is not None:
        parts.append(cross_entropy(logits.float(), item.label, label_smoothing=label_smoothing))
    if masks is not None:
        parts.append(dice_and_cross_entropy(masks, item.mask))
    return torch.stack(parts).sum()


def _encoder(config: TrainConfig) -> str:
    """The timm name of the encoder that ImageNet weights are for."""
    keys = {"joint": "joint", "segmenter": "encoder"}
    return str(config.architecture[keys.get(config.model, "name")])


def _to(item: Item, device: torch.device, size: int) -> Item:
    """The batch on the device, at the size that this epoch trains at."""
    image, mask = item.image.to(device), item.mask.to(device)
    if image.shape[-1] != size:
        image = interpolate(image, size, mode="bilinear", antialias=True)
        mask = interpolate(mask, size, mode="bilinear", antialias=True)
    return Item(image.contiguous(memory_format=torch.channels_last), mask, item.label.to(device))


def _parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: decaying a norm's scale helps nobody."""
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for weights in network.parameters():
        (decayed if weights.ndim > 1 else others).append(weights)
    return [
        {"params": decayed, "weight_decay": config.weight_decay},
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
    # Precision is how a run is computed, not what it is: it may go on where bfloat16 is missing.
    elif replace(TrainConfig.read(path), bf16=config.bf16) != config:
        raise ValueError(f"{path} describes another run: use a new run folder")


def _log_to(path: Path) -> None:
    log.setLevel(logging.INFO)
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
