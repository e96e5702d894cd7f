"""Judged slices as the numbers that are reported, per group of slices and never mixed.

A mean over easy and hard scanners would hide the hard ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training.judge import Judged
from inference.training.metrics import calibration_error, confusion_matrix, patient_interval
from inference.training.sources import (
    CLASSES,
    FIGSHARE,
    GBM_VOLUMES,
    HEALTHY_HEAD,
    NO_TUMOR,
    OTHER_SCANNERS,
    SliceRecord,
)

_NO_TUMOR = CLASSES.index("no_tumor")

# The first group is the one the paper reports; the others say what it hides.
GROUPS: dict[str, Callable[[SliceRecord], bool]] = {
    "home": lambda r: r.source in (FIGSHARE, NO_TUMOR),
    "other_scanners": lambda r: r.source == OTHER_SCANNERS,
    "gbm_with_tumor": lambda r: r.source == GBM_VOLUMES and r.label != "no_tumor",
    "contrast_without_tumor": lambda r: r.source == GBM_VOLUMES and r.label == "no_tumor",
    "healthy_head": lambda r: r.source == HEALTHY_HEAD,
}


def by_group(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The slices of each group; groups without any are left out."""
    groups = {
        name: [own for own in judged if belongs(own.record)] for name, belongs in GROUPS.items()
    }
    return {name: own for name, own in groups.items() if own}


def class_scores(judged: Sequence[Judged]) -> dict[str, Any]:
    """Accuracy, tumours found, confusion and calibration of slices that were given a class."""
    raw, shares, labels = probabilities(judged)
    said = shares.argmax(axis=1)
    right, ill = said == labels, labels != _NO_TUMOR
    found: dict[str, Any] = {
        "slices": len(labels),
        "accuracy": float(right.mean()),
        "per_class": {
            name: {
                "slices": int((labels == place).sum()),
                "accuracy": float(right[labels == place].mean()),
            }
            for place, name in enumerate(CLASSES)
            if (labels == place).any()
        },
        "confusion": confusion_matrix(labels, said, len(CLASSES)).tolist(),
        "ece_as_trained": calibration_error(raw, labels),
        "ece": calibration_error(shares, labels),
    }
    if ill.any():
        found["tumor_slices_accuracy"] = float(right[ill].mean())
        found["tumor_found"] = float((said != _NO_TUMOR)[ill].mean())
        patients = [own.record.patient for own in judged if own.ill]
        found |= _interval("tumor_slices_accuracy", right[ill], patients)
    return found


def outline_scores(judged: Sequence[Judged]) -> dict[str, Any]:
    """Dice, distances and false masks of slices that were outlined."""
    outlines = [own.outline for own in judged if own.outline is not None]
    ill = np.array([own.wanted_area > 0 for own in outlines])
    found: dict[str, Any] = {"slices": len(outlines), "tumor_slices": int(ill.sum())}
    if not ill.all():
        drawn = [own.area > 0 for own in outlines if not own.wanted_area]
        found["tumor_free_with_mask"] = float(np.mean(drawn))
    if not ill.any():
        return found
    tumors = [own for own in judged if own.outline and own.outline.wanted_area]
    marked = [own for own in outlines if own.wanted_area]
    dice = np.array([own.dice for own in marked])
    labels = np.array([own.record.label for own in tumors])
    distances = [own.hausdorff95 for own in marked if own.hausdorff95 is not None]
    found |= {
        "dice": float(dice.mean()),
        "dice_median": float(np.median(dice)),
        "dice_per_class": {
            str(name): float(dice[labels == name].mean()) for name in np.unique(labels)
        },
        "dice_pooled": 2
        * sum(own.overlap for own in marked)
        / sum(own.area + own.wanted_area for own in marked),
        "missed": float((dice == 0).mean()),
        "hausdorff95_median_px": float(np.median(distances)) if distances else None,
        "area_error": _relative([(own.area, own.wanted_area) for own in marked if own.overlap]),
        "diameter_error": _relative(
            [
                (own.diameter, own.wanted_diameter)
                for own in marked
                if own.overlap and own.diameter and own.wanted_diameter
            ]
        ),
    }
    return found | _interval("dice", dice, [own.record.patient for own in tumors])


def patient_majority(judged: Sequence[Judged]) -> dict[str, bool]:
    """Whether most slices of each patient were called what the patient has.

    Where classes are said equally often, the one of higher summed probability counts.
    """
    patients: dict[str, list[Judged]] = {}
    for own in judged:
        patients.setdefault(own.record.patient, []).append(own)
    right = {}
    for patient, slices in patients.items():
        votes = Counter(own.said for own in slices)
        weight = probabilities(slices)[1].sum(axis=0)
        best = max(votes, key=lambda label: (votes[label], weight[label]))
        right[patient] = best == Counter(own.label for own in slices).most_common(1)[0][0]
    return right


def probabilities(
    judged: Sequence[Judged],
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.int64]]:
    """Probabilities before and after calibration (N, 4) and the true places in CLASSES (N,)."""
    raw, shares = (np.array([getattr(own, name) for own in judged]) for name in ("raw", "shares"))
    return raw, shares, np.array([own.label for own in judged])


def _relative(pairs: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    """Median and 90th percentile of the relative error of (found, true) pairs."""
    if not pairs:
        return None
    errors = [abs(found - true) / true for found, true in pairs]
    return {"median": float(np.median(errors)), "p90": float(np.percentile(errors, 90))}


def _interval(
    name: str, values: NDArray[np.generic], patients: Sequence[str]
) -> dict[str, tuple[float, float]]:
    if len(set(patients)) < 2 or not all(patients):
        return {}
    return {f"{name}_95": patient_interval(values.astype(float).tolist(), patients)}
