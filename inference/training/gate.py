"""Fits the gate: which pictures are slices of a head at all, and which are anything else.

The gate's encoder keeps its ImageNet weights. Only a small head learns, from every prepared slice
and from pictures of other things: as they are, turned upside down, without their outermost part
(about what is left of a head once a program has taken the skull away), and augmented as slices are
in training, so that neither noise nor framing gives the answer away.

What a gate gets wrong is slices from scanners that it has not seen. So the threshold is set on sets
of slices that a head was not fitted to; and how much else is refused is measured on pictures from
origins that a head was not fitted to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from inference.engine.accept import look
from inference.engine.networks import Gate, build_gate
from inference.engine.preprocess import prepare, to_grey
from inference.engine.release import CARD as RELEASE_CARD
from inference.engine.release import find_release
from inference.training.augment import training_transforms, tv_tensors
from inference.training.config import TrainConfig
from inference.training.prepare import picture_of, read_prepared
from inference.training.pretrained import load_imagenet
from inference.training.sources import FOLDS, NO_TUMOR, OTHER_SCANNERS, TEST_ONLY
from scans.decoding import DecodeError, decode

ARCHITECTURE: dict[str, Any] = {"encoder": "tf_efficientnet_lite0", "stages": 4, "hidden": 128}
SIZE = 224
CARD, WEIGHTS = "gate.json", "weights.safetensors"
FORMS = ("as_they_are", "upside_down", "without_skull", "augmented")
_MORE_AUGMENTED = 2  # times for the other pictures, of which there are fewer
_MANY_SCANNERS = (NO_TUMOR, OTHER_SCANNERS)  # sets to learn from what an unseen scanner does
_UNSEEN_REFUSED = 0.03  # of such a set by a gate that was not fitted to it, on average
_REFERENCES = 800  # slices whose brightness is borrowed when others are augmented
_BATCH, _LEARNING_RATE, _WEIGHT_DECAY = 256, 2e-3, 0.01
_NOISE, _DROPPED_INPUTS, _DROPPED = 0.1, 0.2, 0.3  # against learning pictures by heart
_SKULL, _AIR = 0.085, 18  # share of the side that scalp and skull take up; grey level
_SEED = 2026
_PICTURES = 32  # that go through the encoder together

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Places = NDArray[np.bool_]


class Other(NamedTuple):
    """A picture of something else: prepared, where it is from, and whether `look` refuses it."""

    square: Picture
    origin: str
    refused: bool


def fit_gate(prepared: Path, others: Path, run: Path, *, steps: int = 1500) -> dict[str, Any]:
    """Fit a gate to the slices in `prepared` and the pictures under `others` into the folder `run`.

    Pictures whose names begin alike, up to the first hyphen, are taken to be of one origin. Each
    fit takes `steps` steps. Returns what `gate.json` says. Raises FileNotFoundError if slices or
    pictures are missing, ValueError if the pictures are of one origin only.
    """
    data = read_prepared(prepared)
    strange = list(read_others(others, data.images.shape[-1]))
    if not strange:
        raise FileNotFoundError(f"{others} holds no picture that can be decoded")
    if len({other.origin for other in strange}) < 2:
        raise ValueError(f"{others}: pictures of two origins at least, to measure on one of them")
    torch.manual_seed(_SEED)
    network = build_gate(ARCHITECTURE)
    load_imagenet(network, ARCHITECTURE["encoder"])
    network.eval()
    known = np.array([record.fold != TEST_ONLY for record in data.records])
    borrowed = data.images[np.flatnonzero(known)[:: max(1, known.sum() // _REFERENCES)]]
    seen = _Seen(
        slices=_features(network, list(data.images), borrowed, FORMS),
        others=_features(
            network,
            [other.square for other in strange],
            borrowed,
            FORMS + FORMS[-1:] * _MORE_AUGMENTED,
        ),
        sources=np.array([record.source for record in data.records]),
        known=known,
        steps=steps,
    )
    head = seen.fit()
    threshold = seen.threshold()
    folds = np.array([record.fold for record in data.records])
    card = {
        "architecture": ARCHITECTURE,
        "size": SIZE,
        "threshold": threshold,
        "measured": seen.slices_refused(folds, threshold)
        | {"healthy_head_refused": _share(_logits(head, seen.slices[0][~seen.known]), threshold)}
        | seen.others_refused(strange, threshold),
    }
    network.head.load_state_dict(head.state_dict())
    run.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, run / WEIGHTS)
    (run / CARD).write_text(json.dumps(card, indent=2) + "\n")
    return card


def read_gate(run: Path) -> tuple[dict[str, Any], Gate]:
    """The card and the network that `fit_gate` wrote, or those of a release.

    Raises FileNotFoundError without them, ReleaseError for a damaged release.
    """
    if (run / CARD).is_file():
        card, weights = json.loads((run / CARD).read_text()), run / WEIGHTS
    elif (run / RELEASE_CARD).is_file() and (release := find_release(run)).gate is not None:
        card = json.loads((run / RELEASE_CARD).read_text())["accept"]
        weights = release.file("gate.safetensors")
    else:
        raise FileNotFoundError(f"{run} holds no gate: run the gate step first")
    network = build_gate(card["architecture"])
    network.load_state_dict(load_file(weights))
    return card, network.eval()


def read_others(folder: Path, side: int) -> Iterator[Other]:
    """Every picture under `folder`, prepared as slices are; those in colour also in grey."""
    for path in tqdm(sorted(folder.rglob("*.*")), desc="other pictures", unit="picture"):
        try:
            pixels = decode(path.read_bytes()).pixels
        except DecodeError:
            continue
        grey = [to_grey(pixels)] if pixels.ndim == 3 and np.ptp(pixels, axis=2).any() else []
        for form in (pixels, *grey):
            prepared = prepare(form)
            refused = look(form, prepared) is not None
            yield Other(picture_of(prepared, side), path.name.split("-")[0], refused)


def peeled(picture: Picture) -> Picture:
    """A prepared slice (S, S) without _SKULL below the head's surface, prepared once more."""
    head = (cv2.GaussianBlur(picture, (0, 0), len(picture) / 85) > _AIR).astype(np.uint8)
    contours, _ = cv2.findContours(head, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(head, contours, -1, 1, cv2.FILLED)
    side = 2 * round(_SKULL * len(picture)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    inner = cv2.erode(head, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return picture_of(prepare(np.where(inner > 0, picture, np.uint8(0))), len(picture))


@dataclass(frozen=True)
class _Seen:
    """Features of slices (forms, N, F) and of other pictures (forms, M, F); of the slices, the
    sets they are from (N,) and whether a gate may be fitted to them (N,)."""

    slices: Floats
    others: Floats
    sources: NDArray[np.str_]
    known: Places
    steps: int

    def fit(self, slices: Places | None = None, others: Places | None = None) -> nn.Sequential:
        """A head fitted to these slices (N,) and others (M,), by default all of them."""
        chosen = self.known if slices is None else self.known & slices
        kept = np.ones(self.others.shape[1], bool) if others is None else others
        ours, theirs = (
            own.reshape(-1, own.shape[-1]) for own in (self.slices[:, chosen], self.others[:, kept])
        )
        sources = np.tile(self.sources[chosen], len(self.slices))
        names, counts = np.unique(sources, return_counts=True)
        # Each set counts alike, and the slices together as much as everything else.
        often = dict(zip(names, 1 / (len(names) * counts), strict=True))
        weights = [
            np.array([often[name] for name in sources]),
            np.full(len(theirs), 1 / len(theirs)),
        ]
        return _fit_head(
            np.concatenate([ours, theirs]),
            np.repeat([1.0, 0.0], [len(ours), len(theirs)]),
            np.concatenate(weights),
            self.steps,
        )

    def threshold(self) -> float:
        """The logit that _UNSEEN_REFUSED of slices from sets that no head was fitted to miss."""
        logits, weights = [], []
        for name in _MANY_SCANNERS:
            own = self.sources == name
            logits.append(_logits(self.fit(slices=~own), self.slices[0][own]))
            weights.append(np.full(own.sum(), 1 / max(own.sum(), 1)))
        found = np.quantile(
            np.concatenate(logits),
            _UNSEEN_REFUSED,
            weights=np.concatenate(weights),
            method="inverted_cdf",
        )
        return float(found)

    def slices_refused(self, folds: NDArray[np.int64], threshold: float) -> dict[str, Any]:
        """Shares of the slices of each fold, refused by a gate fitted to the other folds."""
        logits = np.zeros(self.slices.shape[:2], np.float32)
        for fold in range(FOLDS):
            own = folds == fold
            head = self.fit(slices=~own)
            logits[:, own] = [_logits(head, form) for form in self.slices[:, own]]
        held_out = logits[:, self.known]
        refused = {form: _share(own, threshold) for form, own in zip(FORMS, held_out, strict=True)}
        return {"slices": int(self.known.sum()), "slices_refused": refused}

    def others_refused(self, strange: Sequence[Other], threshold: float) -> dict[str, Any]:
        """Shares of the pictures of each fifth of the origins, refused by a gate fitted to the
        rest, and with the simple questions that come before the gate."""
        origins = np.unique([other.origin for other in strange], return_inverse=True)[1]
        logits = np.zeros(len(strange), np.float32)
        for fold in range(FOLDS):
            own = origins % FOLDS == fold
            logits[own] = _logits(self.fit(others=~own), self.others[0][own])
        looked = np.array([other.refused for other in strange])
        return {
            "others": len(strange),
            "others_refused": _share(logits, threshold),
            "others_refused_in_all": float(((logits < threshold) | looked).mean()),
        }


def _fit_head(
    features: Floats, labels: NDArray[np.float64], weights: NDArray[np.float64], steps: int
) -> nn.Sequential:
    """A head for features (N, F) as they are, from labels (N,) 1 or 0 drawn with `weights` (N,)."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs = torch.from_numpy((features - mean) / scale)
    wanted = torch.from_numpy(labels).float()
    first, last = (
        nn.Linear(inputs.shape[1], ARCHITECTURE["hidden"]),
        nn.Linear(ARCHITECTURE["hidden"], 1),
    )
    learning = nn.Sequential(
        nn.Dropout(_DROPPED_INPUTS), first, nn.ReLU(), nn.Dropout(_DROPPED), last
    )
    optimiser = torch.optim.AdamW(learning.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    drawn = torch.multinomial(torch.from_numpy(weights), steps * _BATCH, replacement=True)
    for places in drawn.view(steps, _BATCH):
        batch = inputs[places]
        logits = learning(batch + _NOISE * torch.randn_like(batch))[:, 0]
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(logits, wanted[places]).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():  # so that it takes features as they come
        first.weight.div_(torch.from_numpy(scale))
        first.bias.sub_(first.weight @ torch.from_numpy(mean))
    return nn.Sequential(first, nn.ReLU(), last).eval()


@torch.inference_mode()
def _logits(head: nn.Module, features: Floats) -> Floats:
    """(N, F) to (N,)."""
    logits: Floats = head(torch.from_numpy(np.ascontiguousarray(features)))[:, 0].numpy()
    return logits


def _share(logits: Floats, threshold: float) -> float | None:
    return float((logits < threshold).mean()) if logits.size else None


@torch.inference_mode()
def _features(
    network: Gate, squares: Sequence[Picture], borrowed: Picture, forms: Sequence[str]
) -> Floats:
    """The gate's features of prepared pictures (N, S, S) in each form: (forms, N, F)."""
    augment = training_transforms(np.asarray(borrowed), TrainConfig.restyled)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = []
    for form in forms:
        parts = []
        for start in tqdm(range(0, len(squares), _PICTURES), desc=form, unit="batch"):
            pictures = [np.array(square) for square in squares[start : start + _PICTURES]]
            if form == "upside_down":
                pictures = [picture[::-1, ::-1] for picture in pictures]
            if form == "without_skull":
                pictures = [peeled(picture) for picture in pictures]
            if form == "augmented":
                pictures = [
                    augment(tv_tensors.Image(picture[None])).numpy()[0] for picture in pictures
                ]
            images = np.stack(
                [
                    cv2.resize(
                        np.ascontiguousarray(own), (SIZE, SIZE), interpolation=cv2.INTER_AREA
                    )
                    for own in pictures
                ]
            )
            parts.append(network.features(torch.from_numpy(images)[:, None].float() / 255).numpy())
        found.append(np.concatenate(parts))
    return np.stack(found)
