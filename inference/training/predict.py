"""What a trained network says of original slices, taken the way that serving takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine.networks import Classifier, Segmenter
from inference.engine.preprocess import Prepared, prepare
from inference.training.sources import CLASSES, SliceRecord, load

Floats = NDArray[np.float32]
_BATCH = 16


@dataclass(frozen=True)
class ClassPredictions:
    """Of N slices: logits (N, 4), features (N, F), the true places in CLASSES (N,)."""

    logits: Floats
    features: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class MaskPrediction:
    """Of one slice: tumour logits (S, S) over the prepared square, and the true mask (H, W)."""

    record: SliceRecord
    logits: NDArray[np.float16]
    prepared: Prepared
    wanted: NDArray[np.bool_]


@torch.inference_mode()
def predict_classes(
    network: Classifier, data: Path, records: Sequence[SliceRecord], size: int, device: str
) -> ClassPredictions:
    """Run a classifier over `records`."""
    logits, features = [], []
    for batch in _batches(data, records):
        said, _, seen = network(_stack([prepared for _, prepared, _ in batch], size).to(device))
        logits.append(said.cpu().numpy())
        features.append(seen.cpu().numpy())
    labels = np.array([CLASSES.index(record.label) for record in records])
    return ClassPredictions(np.concatenate(logits), np.concatenate(features), labels)


@torch.inference_mode()
def predict_masks(
    network: Segmenter, data: Path, records: Sequence[SliceRecord], size: int, device: str
) -> list[MaskPrediction]:
    """Run a segmenter over `records`."""
    found = []
    for batch in _batches(data, records):
        logits = network(_stack([prepared for _, prepared, _ in batch], size).to(device))
        maps = logits[:, 0].cpu().numpy().astype(np.float16)
        found += [
            MaskPrediction(record, own, prepared, wanted)
            for (record, prepared, wanted), own in zip(batch, maps, strict=True)
        ]
    return found


def _batches(
    data: Path, records: Sequence[SliceRecord]
) -> Iterator[list[tuple[SliceRecord, Prepared, NDArray[np.bool_]]]]:
    for start in tqdm(range(0, len(records), _BATCH), desc="predict", unit="batch"):
        batch = []
        for record in records[start : start + _BATCH]:
            pixels, wanted = load(data, record)
            batch.append((record, prepare(pixels), wanted))
        yield batch


def _stack(prepared: Sequence[Prepared], size: int) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([own.resized(size) for own in prepared]))
