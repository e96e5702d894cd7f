"""The numbers of an experiment: the judged slices of all its runs.

The healthy head, which nothing trains on, is seen by every run; every other slice by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.agree import POOR_BELOW, clear_of_tumor
from inference.training.choice import COVERAGES, choose_certainty
from inference.training.conformal import prediction_sets
from inference.training.judge import REFERENCE_SIDE, Judged
from inference.training.metrics import (
    calibration_error,
    correlation,
    patient_interval,
    softmax,
)
from inference.training.planes import PLANES
from inference.training.scores import (
    by_group,
    class_scores,
    outline_scores,
    patient_majority,
    probabilities,
)
from inference.training.sources import CLASSES, FIGSHARE, NO_TUMOR

_RUNS_TO_CROSS_FIT = 3
TUMORS = tuple(name for name in CLASSES if name != "no_tumor")
SIZES = {"< 40 px": (0, 40), "40-80 px": (40, 80), "> 80 px": (80, 10_000)}  # of 512


def of_source(judged: Sequence[Judged], source: str) -> list[Judged]:
    """The slices of one set."""
    return [own for own in judged if own.record.source == source]


def size_of(judged: Judged) -> str:
    """Which of SIZES the expert's outline belongs to, by its longest diameter."""
    own = judged.outline
    if own is None or own.wanted_diameter is None:
        raise ValueError("only an outlined tumour has a size")
    longest = own.wanted_diameter * REFERENCE_SIDE / own.side
    return next(name for name, (low, high) in SIZES.items() if low <= longest < high)


def class_numbers(judged: Sequence[Judged]) -> dict[str, Any]:
    """Everything about the class: of the figshare tumours, of home as a whole, of each group."""
    found: dict[str, Any] = {"groups": _groups(judged)}
    home = by_group(judged).get("home")
    tumors = of_source(judged, FIGSHARE)
    if not home or not tumors:
        return found
    found["tumors"] = _tumor_numbers(tumors)
    found["sets"] = {f"{wanted:.0%}": _set_numbers(home, place) for place, wanted in _coverages()}
    found["abstention"] = _abstention_numbers(home)
    return found


def outline_numbers(judged: Sequence[Judged]) -> dict[str, Any]:
    """Everything about the outline, alone and with the engine's rule on top."""
    found: dict[str, Any] = {"groups": {}}
    for name, own in _sets(judged).items():
        found["groups"][name] = outline_scores(own)
        if own[0].shares is not None:
            ruled = outline_scores(with_rule(own))
            kept = ("tumor_free_with_mask", "dice", "missed")
            found["groups"][name]["with_rule"] = {k: ruled[k] for k in kept if k in ruled}
    tumors = of_source(judged, FIGSHARE)
    if tumors and tumors[0].outline:
        found["trust"] = trust_numbers(tumors)
    if tumors and tumors[0].outline and tumors[0].outline.wanted_diameter:
        found["per_plane"] = {
            plane: _short(own) for plane in PLANES if (own := _in_plane(tumors, plane))
        }
        found["per_size"] = {
            size: _short(own)
            for size in SIZES
            if (own := [slice_ for slice_ in tumors if size_of(slice_) == size])
        }
    return found


def trust_numbers(judged: Sequence[Judged]) -> dict[str, Any]:
    """How well the expected Dice foretells the real one, and what the wider outline holds.

    `flagged` are outlines of which less than POOR_BELOW is expected, `caught` the share of the poor
    ones among them, `false_flags` the share of the others that are flagged.
    """
    own = [one.outline for one in judged if one.outline and one.outline.expected_dice is not None]
    expected = np.array([one.expected_dice for one in own], float)
    dice = np.array([one.dice for one in own])
    poor, flagged = dice < POOR_BELOW, expected < POOR_BELOW
    wanted = sum(one.wanted_area for one in own)
    return {
        "outlined": len(own),
        "mean_error": float(np.abs(expected - dice).mean()) if own else None,
        "correlation": correlation(expected, dice),
        "poor": float(poor.mean()) if own else None,
        "flagged": float(flagged.mean()) if own else None,
        "caught": float(flagged[poor].mean()) if poor.any() else None,
        "false_flags": float(flagged[~poor].mean()) if (~poor).any() else None,
        "recall": sum(one.overlap for one in own) / wanted if wanted else None,
        "outer_recall": sum(one.outer_overlap for one in own) / wanted if wanted else None,
        "outer_area": sum(one.outer for one in own) / max(1, sum(one.area for one in own)),
    }


def with_rule(judged: Sequence[Judged]) -> list[Judged]:
    """The same slices with nothing outlined where the engine outlines nothing.

    It leaves the outline away where the class is all but certain that there is no tumour.
    """
    return [_ruled(own) for own in judged]


def cross_fitted(judged: Sequence[Judged]) -> list[Judged]:
    """The same slices with certainty fitted on the test sides of the other runs.

    A validation side has few patients; the other folds have many, and no slice's own label takes
    part in its calibration. Empty for fewer than three runs: two would calibrate each other.
    """
    runs = sorted({own.run for own in judged})
    if len(runs) < _RUNS_TO_CROSS_FIT:
        return []
    found = []
    for run in runs:
        others = [own for own in by_group(judged)["home"] if own.run != run]
        raw, _, labels = probabilities(others)
        # Log-probabilities are logits: softmax does not see what all classes have in common.
        chosen = choose_certainty(_logits(raw), labels)
        for own in judged:
            if own.run == run and own.raw is not None:
                shares = softmax(_logits(own.raw[None]), chosen["temperature"])[0]
                found.append(replace(own, shares=shares, choice=replace(own.choice, **chosen)))
    return found


def _logits(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.log(np.maximum(shares, 1e-12))


def _ruled(judged: Judged) -> Judged:
    own, shares = judged.outline, judged.shares
    if own is None or shares is None:
        return judged
    if not clear_of_tumor(dict(zip(CLASSES, shares.tolist(), strict=True))):
        return judged
    dice = 0.0 if own.wanted_area else 1.0
    nothing = replace(
        own, dice=dice, area=0, overlap=0, hausdorff95=None, diameter=None, expected_dice=None
    )
    return replace(judged, outline=nothing)


def _sets(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The groups, with home as the two sets that it is made of."""
    groups = by_group(judged)
    groups.pop("home", None)
    home = {name: of_source(judged, name) for name in (FIGSHARE, NO_TUMOR)}
    return {name: own for name, own in (home | groups).items() if own}


def _groups(judged: Sequence[Judged]) -> dict[str, Any]:
    home = by_group(judged).get("home")
    groups = {name: class_scores(own) for name, own in _sets(judged).items()}
    return ({"home": class_scores(home)} if home else {}) | groups


def _tumor_numbers(tumors: list[Judged]) -> dict[str, Any]:
    raw, shares, labels = probabilities(tumors)
    right = shares.argmax(axis=1) == labels
    places = [CLASSES.index(name) for name in TUMORS]
    between = np.array(places)[shares[:, places].argmax(axis=1)] == labels
    patients = patient_majority(tumors)
    votes = [float(own) for own in patients.values()]
    return {
        "slices": len(tumors),
        "patients": len(patients),
        "accuracy": float(right.mean()),
        "accuracy_95": patient_interval(
            right.astype(float).tolist(), [own.record.patient for own in tumors]
        ),
        "accuracy_between_tumors": float(between.mean()),
        "patient_accuracy": float(np.mean(votes)),
        "patient_accuracy_95": patient_interval(votes, list(patients)),
        "wrong_patients": sorted(patient for patient, own in patients.items() if not own),
        "ece_as_trained": calibration_error(raw, labels),
        "ece": calibration_error(shares, labels),
        "per_plane": {
            plane: {
                "slices": len(own),
                "accuracy": float(np.mean([slice_.right for slice_ in own])),
            }
            for plane in PLANES
            if (own := _in_plane(tumors, plane))
        },
    }


def _coverages() -> list[tuple[int, float]]:
    return list(enumerate(COVERAGES))


def _set_numbers(judged: Sequence[Judged], level: int) -> dict[str, float]:
    sets = np.concatenate(
        [
            prediction_sets(own.shares[None], own.choice.sets[level])
            for own in judged
            if own.shares is not None
        ]
    )
    labels = np.array([own.label for own in judged])
    return {
        "covered": float(sets[np.arange(len(labels)), labels].mean()),
        "mean_size": float(sets.sum(axis=1).mean()),
        "one_class": float((sets.sum(axis=1) == 1).mean()),
    }


def _abstention_numbers(judged: Sequence[Judged]) -> dict[str, float]:
    answered = [
        own.right
        for own in judged
        if own.shares is not None and own.shares.max() >= own.choice.sure_from
    ]
    return {
        "answered": len(answered) / len(judged),
        "accuracy": float(np.mean(answered)) if answered else 0.0,
    }


def _in_plane(judged: Sequence[Judged], plane: str) -> list[Judged]:
    return [own for own in judged if own.plane == plane]


def _short(judged: Sequence[Judged]) -> dict[str, Any]:
    scores = outline_scores(judged)
    kept = ("slices", "dice", "missed", "hausdorff95_median_px")
    return {name: scores[name] for name in kept}
