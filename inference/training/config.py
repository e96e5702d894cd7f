"""What a training run is made of; written to `config.json` in the run's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.training.sources import FIGSHARE, GBM_VOLUMES, NO_TUMOR, OTHER_SCANNERS

MODELS = ("cnn", "classifier", "segmenter", "joint")
_LITE0 = "tf_efficientnet_lite0"
_SHARES = {FIGSHARE: 0.55, NO_TUMOR: 0.19, OTHER_SCANNERS: 0.11, GBM_VOLUMES: 0.15}


@dataclass(frozen=True)
class TrainConfig:
    """One run. Everything that decides the resulting weights is here, and nothing else is.

    `size` is the side in pixels that the model is served at; all but the last `full_size_epochs`
    epochs train at `early_size`, which costs half and, for the classifier, even helps: random zoom
    makes training pictures look larger than served ones (Touvron et al. 2019, arXiv 1906.06423).
    `shares` is the part of each epoch drawn from each source: without it the few slices that break
    the link between scanner and label would drown. `epoch_slices` 0 means as many as there are.
    `processes` share each batch (see parallel.py).
    `restyled` is the share of the slices whose scanner is made unrecognisable (augment.py);
    `transplant`, `removal` and `decoy` say how often slices are operated on (transplant.py).
    `start` is a finished run that this one goes on from, instead of from ImageNet: its folder, seen
    from this run's.
    `members` are finished joint runs of the same split, seen from this run's folder: nothing is
    trained then, and the run's network is their average.
    """

    model: str
    split: str
    architecture: dict[str, Any]
    size: int
    early_size: int
    full_size_epochs: int
    epochs: int
    batch_size: int
    learning_rate: float
    shares: dict[str, float]
    weight_decay: float = 0.02
    warmup_share: float = 0.05
    label_smoothing: float = 0.05
    ema_decay: float = 0.995
    epoch_slices: int = 0
    seed: int = 2026
    pretrained: bool = True
    bf16: bool = False
    start: str = ""
    members: tuple[str, ...] = ()
    processes: int = 1
    restyled: float = 0.6
    transplant: float = 0.0
    removal: float = 0.0
    decoy: float = 0.0

    def size_at(self, epoch: int) -> int:
        """The training size in pixels of a zero-based epoch."""
        return self.early_size if epoch < self.epochs - self.full_size_epochs else self.size

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> TrainConfig:
        values = json.loads(path.read_text())
        return cls(**values | {"members": tuple(values.get("members", ()))})


# The defaults of one model; the command line overrides what it is given.
RECIPES: dict[str, TrainConfig] = {
    "cnn": TrainConfig(
        model="cnn",
        split="slice",
        architecture={"name": "plain_cnn", "channels": [16, 32, 64, 128, 256], "dropout": 0.3},
        size=128,
        early_size=128,
        full_size_epochs=0,
        epochs=25,
        batch_size=32,
        learning_rate=2e-3,
        pretrained=False,
        shares=_SHARES,
    ),
    "classifier": TrainConfig(
        model="classifier",
        split="slice",
        architecture={"name": _LITE0, "dropout": 0.2},
        size=224,
        early_size=192,
        full_size_epochs=0,
        epochs=14,
        batch_size=32,
        learning_rate=1e-3,
        shares=_SHARES,
    ),
    "segmenter": TrainConfig(
        model="segmenter",
        split="slice",
        architecture={"encoder": _LITE0, "decoder_channels": [128, 64, 32, 16, 16]},
        size=256,
        early_size=192,
        full_size_epochs=2,
        epochs=14,
        batch_size=16,
        learning_rate=1e-3,
        # Outlines come from tumours; tumour-free slices teach when to draw none.
        shares={FIGSHARE: 0.62, NO_TUMOR: 0.08, OTHER_SCANNERS: 0.13, GBM_VOLUMES: 0.17},
    ),
    "joint": TrainConfig(
        model="joint",
        split="fold:0",
        architecture={"joint": _LITE0, "decoder_channels": [128, 64, 32, 16], "dropout": 0.2},
        size=256,
        early_size=160,
        full_size_epochs=8,
        epochs=18,
        batch_size=16,
        epoch_slices=2400,
        learning_rate=1e-3,
        shares={FIGSHARE: 0.59, NO_TUMOR: 0.18, OTHER_SCANNERS: 0.1, GBM_VOLUMES: 0.13},
        bf16=True,
        processes=2,
        transplant=0.35,
        removal=0.2,
        decoy=0.3,
    ),
}
