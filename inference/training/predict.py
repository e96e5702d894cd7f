"""What a trained network says of original slices, taken the way that serving takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine.preprocess import Prepared, prepare
from inference.training.sources import SliceRecord, load

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]
Answer = Callable[[Floats], Mapping[str, Floats]]
_BATCH = 16
_LARGEST_LOGIT = 8.0  # a probability of 0.9997: beyond it, no threshold is ever set


@dataclass(frozen=True)
class Predictions:
    """Of N slices; what a network does not give, or was not asked, is None.

    logits (N, 4), masks (N, S, S): tumour logits over the prepared square, in
    steps of 1/16. The `mirrored` ones are of the mirrored slice, turned back.
    """

    logits: Floats | None = None
    masks: Codes | None = None
    mirrored_logits: Floats | None = None
    mirrored_masks: Codes | None = None

    @property
    def has_mirrored(self) -> bool:
        """Whether the mirrored slices were looked at, too."""
        return self.mirrored_logits is not None or self.mirrored_masks is not None

    def class_logits(self, *, flips: bool) -> Floats | None:
        """(N, 4), with `flips` averaged over the slice and its mirror image."""
        if not flips or self.logits is None or self.mirrored_logits is None:
            return self.logits
        return ((self.logits + self.mirrored_logits) / 2).astype(np.float32)

    def mask_logits(self, place: int, *, flips: bool) -> Floats:
        """(S, S) of one slice, with `flips` averaged. ValueError for a network without masks."""
        if self.masks is None:
            raise ValueError("this network gives no masks")
        own = _decoded(self.masks[place])
        if not flips or self.mirrored_masks is None:
            return own
        return ((own + _decoded(self.mirrored_masks[place])) / 2).astype(np.float32)


def save_predictions(path: Path, sides: Mapping[str, Predictions]) -> None:
    """Write predictions of several sides into one file, so that no network need run again."""
    arrays = {
        f"{side}_{field.name}": array
        for side, own in sides.items()
        for field in fields(own)
        if (array := getattr(own, field.name)) is not None
    }
    np.savez_compressed(path, **arrays)


def load_predictions(path: Path, side: str) -> Predictions:
    """One side of what `save_predictions` wrote."""
    with np.load(path) as arrays:
        names = [field.name for field in fields(Predictions)]
        return Predictions(
            **{name: arrays[f"{side}_{name}"] for name in names if f"{side}_{name}" in arrays}
        )


def predict(
    answer: Answer, data: Path, records: Sequence[SliceRecord], size: int, *, mirrored: bool = False
) -> Predictions:
    """What a network (see `graphs.answering`) says of `records` and, asked to, of their mirror
    images. `size` is the side in pixels that it reads."""
    parts: dict[str, list[NDArray[np.generic]]] = {}
    for prepared in _batches(data, records):
        images = np.concatenate([own.resized(size) for own in prepared])
        found = _named(answer(images))
        if mirrored:
            turned = _named(answer(np.ascontiguousarray(images[..., ::-1])))
            found |= {f"mirrored_{name}": turned[name] for name in turned}
        for name, values in found.items():
            if name.endswith("masks"):
                upright = values[..., ::-1] if name.startswith("mirrored") else values
                parts.setdefault(name, []).append(_encoded(upright[:, 0]))
            else:
                parts.setdefault(name, []).append(values)
    return Predictions(**{name: np.concatenate(own) for name, own in parts.items()})


def _named(outputs: Mapping[str, Floats]) -> dict[str, Floats]:
    """A network's outputs under the names that Predictions has for them."""
    if "features" not in outputs:
        return {"masks": outputs["logits"]}
    found = {"logits": outputs["logits"]}
    return found | ({"masks": outputs["mask"]} if "mask" in outputs else {})


def _batches(data: Path, records: Sequence[SliceRecord]) -> Iterator[list[Prepared]]:
    for start in tqdm(range(0, len(records), _BATCH), desc="predict", unit="batch"):
        yield [prepare(load(data, record)[0]) for record in records[start : start + _BATCH]]


def _encoded(logits: Floats) -> Codes:
    share = (np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT) / _LARGEST_LOGIT + 1) / 2
    return np.rint(share * 255).astype(np.uint8)


def _decoded(codes: Codes) -> Floats:
    return ((codes / 255 * 2 - 1) * _LARGEST_LOGIT).astype(np.float32)
