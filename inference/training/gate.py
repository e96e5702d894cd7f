"""Describes the training slices' features, so that serving can tell what is none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.engine.accept import Gate, feature_distance

Floats = NDArray[np.float32]
_COMPONENTS = 256  # with fewer, grey photographs pass more often
_ACCEPTED_PERCENTILE = 99.5
_ROOM = 1.3  # scanners that nobody here has seen lie further out than validation slices


def fit_gate(features: Floats, components: int = _COMPONENTS) -> Gate:
    """Mean and leading directions of the training slices' features (N, F).

    Fewer slices than `components` give fewer directions.
    """
    mean = features.mean(axis=0)
    centred = features.astype(np.float64) - mean
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    count = min(components, int((singular > singular[0] * 1e-6).sum()))
    return Gate(mean=mean.astype(np.float32), components=directions[:count].astype(np.float32))


def choose_threshold(gate: Gate, val: Floats) -> float:
    """The distance beyond which a picture is refused, from validation slices (N, F)."""
    return _ROOM * float(np.percentile(feature_distance(val, gate), _ACCEPTED_PERCENTILE))


def save_gate(gate: Gate, path: Path) -> None:
    """Write `accept.npz` as `Gate.load` reads it."""
    np.savez(path, mean=gate.mean, components=gate.components)
