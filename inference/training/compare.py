"""Runs side by side: one line each, so that a change of recipe shows what it gave and what it cost.

Only runs that were measured on the same slices can be told apart by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.training.evaluate import Measured

_COLUMNS: dict[str, tuple[str, str]] = {
    "tumours right": ("home", "tumor_slices_accuracy"),
    "calibration error": ("home", "ece"),
    "Dice": ("home", "dice"),
    "glioma": ("home", "dice_per_class/glioma"),
    "meningioma": ("home", "dice_per_class/meningioma"),
    "pituitary": ("home", "dice_per_class/pituitary"),
    "missed": ("home", "missed"),
    "masks on no_tumor": ("home", "tumor_free_with_mask"),
    "other scanners found": ("other_scanners", "tumor_found"),
    "right": ("other_scanners", "accuracy"),
    "Dice there": ("other_scanners", "dice"),
    "glioblastoma found": ("gbm_with_tumor", "tumor_found"),
    "Dice of these": ("gbm_with_tumor", "dice"),
    "contrast, no tumour: right": ("contrast_without_tumor", "accuracy"),
    "masks there": ("contrast_without_tumor", "tumor_free_with_mask"),
    "healthy head right": ("healthy_head", "accuracy"),
}
_AS_NUMBER = ("ece", "dice")


def compare(runs: Sequence[Path]) -> str:
    """A table in Markdown with a line for each evaluated run.

    Raises FileNotFoundError for a run that is not evaluated, ValueError for runs that were measured
    on different slices.
    """
    measured = [Measured.read(run) for run in runs]
    splits = sorted({own.config.split for own in measured})
    if len(splits) > 1:
        raise ValueError(f"these runs were measured on different slices: {', '.join(splits)}")
    lines = [
        f"| test side of {splits[0]} | epochs | {' | '.join(_COLUMNS)} |",
        "| --- " * (len(_COLUMNS) + 2) + "|",
    ]
    for own in measured:
        cells = [_cell(own.metrics["groups"], *place) for place in _COLUMNS.values()]
        name = f"{own.run.parent.name}/{own.run.name}"
        lines.append(f"| {name} | {own.config.epochs} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(groups: dict[str, Any], group: str, path: str) -> str:
    value: Any = groups.get(group, {})
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return "–"
    return f"{value:.3f}" if path.startswith(_AS_NUMBER) else f"{100 * value:.1f} %"
