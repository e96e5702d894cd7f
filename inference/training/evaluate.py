"""Step three: measure a trained run on slices it has not seen, as they would be served.

Whatever is chosen (temperature, mask threshold, smallest area) is chosen on the validation slices
before the test slices are looked at. Results are given per group of slices and never mixed: a mean
over easy and hard scanners would hide the hard ones. Writes `metrics.json` and plots into the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.networks import Classifier
from inference.engine.segment import outline
from inference.training.dataset import split_places
from inference.training.metrics import (
    calibration_error,
    confusion_matrix,
    fit_temperature,
    hausdorff95,
    image_dice,
    patient_interval,
    softmax,
)
from inference.training.plots import (
    plot_confusion,
    plot_dice,
    plot_reliability,
    plot_worst,
)
from inference.training.predict import (
    ClassPredictions,
    MaskPrediction,
    predict_classes,
    predict_masks,
)
from inference.training.sources import (
    CLASSES,
    FIGSHARE,
    GBM_VOLUMES,
    HEALTHY_HEAD,
    NO_TUMOR,
    OTHER_SCANNERS,
    SliceRecord,
    list_slices,
)
from inference.training.train import load_network

METRICS, PREDICTIONS = "metrics.json", "predictions.npz"
_NO_TUMOR = CLASSES.index("no_tumor")
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_FEATURE_STEP = 3  # every third training slice describes them well enough for the engine's gate
_MIN_AREAS = (0.0, 0.0002, 0.0005, 0.001, 0.002)

# The first group is the one the paper reports; the others say what it hides.
GROUPS: dict[str, Callable[[SliceRecord], bool]] = {
    "home": lambda r: r.source in (FIGSHARE, NO_TUMOR),
    "other_scanners": lambda r: r.source == OTHER_SCANNERS,
    "gbm_with_tumor": lambda r: r.source == GBM_VOLUMES and r.label != "no_tumor",
    "contrast_without_tumor": lambda r: r.source == GBM_VOLUMES and r.label == "no_tumor",
    "healthy_head": lambda r: r.source == HEALTHY_HEAD,
}


def evaluate(run: Path, data: Path, *, side: str = "test", device: str = "cpu") -> dict[str, Any]:
    """Measure `run` on the `side` (val or test) of its own split; returns what it wrote.

    Raises FileNotFoundError for an unfinished run, DataError if `data` is not a data folder.
    """
    config, network = load_network(run)
    network.to(device)
    records = list_slices(data)
    sides = {
        name: [records[place] for place in places]
        for name, places in split_places(records, config.split).items()
    }
    report: dict[str, Any] = {"model": config.model, "split": config.split, "side": side}
    report["slices"] = {name: len(own) for name, own in sides.items()}
    if isinstance(network, Classifier):
        seen = {**sides, "train": sides["train"][::_FEATURE_STEP]}
        classes = {
            name: predict_classes(network, data, own, config.size, device)
            for name, own in seen.items()
        }
        _save_predictions(run / PREDICTIONS, classes)
        report |= _judge_classes(run, classes, sides, side)
    else:
        masks = {
            name: predict_masks(network, data, sides[name], config.size, device)
            for name in {"val", side}
        }
        chosen = _choose_mask_rule(masks["val"])
        report |= {"chosen_on_val": chosen} | _judge_masks(run, masks[side], chosen)
    (run / METRICS).write_text(json.dumps(report, indent=2) + "\n")
    return report


def _judge_classes(
    run: Path,
    predictions: dict[str, ClassPredictions],
    sides: dict[str, list[SliceRecord]],
    side: str,
) -> dict[str, Any]:
    temperature = fit_temperature(predictions["val"].logits, predictions["val"].labels)
    own, records = predictions[side], sides[side]
    groups = {}
    for name, places in _by_group(records).items():
        groups[name] = _class_metrics(
            own.logits[places], own.labels[places], [records[p] for p in places], temperature
        )
        if name == "home":
            shares = softmax(own.logits[places], temperature)
            plot_confusion(np.array(groups[name]["confusion"]), CLASSES, run / "confusion.png")
            raw = softmax(own.logits[places])
            plot_reliability(
                {"as trained": raw, "calibrated": shares},
                own.labels[places],
                run / "reliability.png",
            )
    return {"temperature": temperature, "groups": groups}


def _class_metrics(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    records: Sequence[SliceRecord],
    temperature: float,
) -> dict[str, Any]:
    raw, shares = softmax(logits), softmax(logits, temperature)
    right = shares.argmax(axis=1) == labels
    ill = labels != _NO_TUMOR
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
        "confusion": confusion_matrix(labels, shares.argmax(axis=1), len(CLASSES)).tolist(),
        "ece_as_trained": calibration_error(raw, labels),
        "ece": calibration_error(shares, labels),
    }
    if ill.any():
        found["tumor_slices_accuracy"] = float(right[ill].mean())
        found["tumor_found"] = float((shares.argmax(axis=1) != _NO_TUMOR)[ill].mean())
    patients = [record.patient for record, own in zip(records, ill, strict=True) if own]
    if len(set(patients)) > 1 and all(patients):
        found["tumor_slices_accuracy_95"] = patient_interval(right[ill].astype(float), patients)
    return found


def _choose_mask_rule(val: Sequence[MaskPrediction]) -> dict[str, float]:
    """The threshold and smallest area with the best mean Dice over all validation slices.

    A tumour-free slice counts 1 without a mask and 0 with one, so false masks cost as well.
    """
    rules = [(threshold, area) for threshold in _THRESHOLDS for area in _MIN_AREAS]
    means = [np.mean([image_dice(_mask(own, *rule), own.wanted) for own in val]) for rule in rules]
    threshold, area = rules[int(np.argmax(means))]
    return {"threshold": threshold, "min_area_fraction": area, "mean_dice": float(max(means))}


def _judge_masks(
    run: Path, predictions: Sequence[MaskPrediction], chosen: dict[str, float]
) -> dict[str, Any]:
    records = [own.record for own in predictions]
    masks = [_mask(own, chosen["threshold"], chosen["min_area_fraction"]) for own in predictions]
    dice = np.array(
        [image_dice(mask, own.wanted) for mask, own in zip(masks, predictions, strict=True)]
    )
    groups = {}
    for name, places in _by_group(records).items():
        groups[name] = _mask_metrics(
            [masks[p] for p in places], [predictions[p] for p in places], dice[places]
        )
    home = [p for p in _by_group(records).get("home", []) if predictions[p].wanted.any()]
    if home:
        labels = [records[p].label for p in home]
        plot_dice(dice[home], labels, run / "dice.png")
        worst = sorted(home, key=lambda p: dice[p])[:24]
        plot_worst([(predictions[p], masks[p], float(dice[p])) for p in worst], run / "worst.png")
    return {"groups": groups}


def _mask_metrics(
    masks: Sequence[NDArray[np.bool_]],
    predictions: Sequence[MaskPrediction],
    dice: NDArray[np.float64],
) -> dict[str, Any]:
    ill = np.array([own.wanted.any() for own in predictions])
    found: dict[str, Any] = {"slices": len(masks), "tumor_slices": int(ill.sum())}
    if not ill.all():
        drawn = [mask.any() for mask, own in zip(masks, ill, strict=True) if not own]
        found["tumor_free_with_mask"] = float(np.mean(drawn))
    if not ill.any():
        return found
    tumors = [place for place in range(len(masks)) if ill[place]]
    pairs = [(masks[place], predictions[place].wanted) for place in tumors]
    labels = np.array([predictions[place].record.label for place in tumors])
    distances = [hausdorff95(ours, theirs) for ours, theirs in pairs if ours.any()]
    overlap = sum(int((ours & theirs).sum()) for ours, theirs in pairs)
    area = sum(int(ours.sum()) + int(theirs.sum()) for ours, theirs in pairs)
    found |= {
        "dice": float(dice[ill].mean()),
        "dice_median": float(np.median(dice[ill])),
        "dice_per_class": {
            name: float(dice[ill][labels == name].mean()) for name in np.unique(labels)
        },
        "dice_pooled": 2 * overlap / area,
        "missed": float((dice[ill] == 0).mean()),
        "hausdorff95_px": float(np.mean(distances)) if distances else None,
    }
    patients = [predictions[place].record.patient for place in tumors]
    if len(set(patients)) > 1 and all(patients):
        found["dice_95"] = patient_interval(dice[ill].tolist(), patients)
    return found


def _mask(
    prediction: MaskPrediction, threshold: float, min_area_fraction: float
) -> NDArray[np.bool_]:
    """The mask that serving would draw, in the input's size."""
    return outline(
        prediction.logits.astype(np.float32),
        prediction.prepared,
        threshold=threshold,
        min_area_fraction=min_area_fraction,
    )


def _by_group(records: Sequence[SliceRecord]) -> dict[str, list[int]]:
    """Places of each group's slices; groups without any are left out."""
    groups = {
        name: [place for place, record in enumerate(records) if belongs(record)]
        for name, belongs in GROUPS.items()
    }
    return {name: places for name, places in groups.items() if places}


def _save_predictions(path: Path, classes: dict[str, ClassPredictions]) -> None:
    """What export needs to describe the training slices to the engine's gate."""
    arrays = {f"{side}_features": own.features.astype(np.float16) for side, own in classes.items()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
