"""The numbers of an experiment as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from inference.engine.agree import POOR_BELOW
from inference.training.choice import ACCURACY

SETS = {
    "home": "home: tumours and tumour-free slices",
    "figshare": "tumours, the two home hospitals",
    "no_tumor": "tumour-free, not contrast-enhanced",
    "other_scanners": "tumours, other scanners",
    "gbm_with_tumor": "glioblastoma volumes, slices with tumour",
    "contrast_without_tumor": "contrast-enhanced, without a tumour",
    "healthy_head": "a healthy head, unknown scanner (each run once)",
}
_OUTLINE_HEADS = (
    "slices with a tumour",
    "n",
    "Dice",
    "per class",
    "pooled over pixels",
    "missed",
    "95 % Hausdorff (median, px of 512)",
    "area error (median, 90th percentile)",
    "longest diameter error (same)",
)
_OUTLINE_NOTE = (
    "Dice is the mean of each slice's Dice (0 where missed), in brackets its 95 % bootstrap "
    "interval over patients; distances and errors are of the slices that were found."
)
_PROBE_NOTE = (
    "Every second slice. What a network still says where the tumour is hidden under an even patch, "
    "it has from somewhere else: the patch itself, what the tumour does around it, or the scanner."
)
_PLANES = {"ax": "axial", "co": "coronal", "sa": "sagittal"}


def report_text(numbers: dict[str, Any], plots: Sequence[str]) -> str:
    """The whole page; `plots` are files beside it."""
    lines = [f"# {numbers['experiment']}: {numbers['title']}", ""]
    lines += [f"Pooled test sides of: {', '.join(numbers['runs'])}."]
    if numbers["missing"]:
        missing = ", ".join(numbers["missing"])
        lines += ["", f"**Not finished, and therefore missing here: {missing}.**"]
    if "classes" in numbers:
        lines += ["", "## Class", "", *class_tables(numbers["classes"])]
    if "outlines" in numbers:
        lines += ["", "## Outline", "", *outline_tables(numbers["outlines"])]
    if "trust" in numbers.get("outlines", {}):
        lines += ["", "## What the outlines are worth", ""]
        lines += _trust_part(numbers["outlines"]["trust"])
    if "with_flips" in numbers:
        lines += ["", "## Averaged over the slice and its mirror image", ""]
        lines += _flip_part(numbers, numbers["with_flips"])
    if "probes" in numbers:
        lines += ["", "## Damaged, and with parts hidden", "", *_probe_part(numbers["probes"])]
    lines += ["", "## Plots"]
    for plot in plots:
        lines += ["", f"![{plot.removesuffix('.png').replace('-', ' ')}]({plot})"]
    return "\n".join(lines) + "\n"


def class_tables(classes: dict[str, Any]) -> list[str]:
    """Lines of Markdown about the class, from `pooled.class_numbers`."""
    lines: list[str] = []
    if "tumors" in classes:
        own = classes["tumors"]
        lines = _table(
            ("three tumour classes, the two home hospitals", ""),
            [
                ("slices / patients", f"{own['slices']} / {own['patients']}"),
                ("slices right", _between(own, "accuracy")),
                ("right if 'no tumour' is no answer", percent(own["accuracy_between_tumors"])),
                ("patients right, by majority of slices", _between(own, "patient_accuracy")),
                ("patients wrong", ", ".join(own["wrong_patients"]) or "none"),
                ("calibration error before", f"{own['ece_as_trained']:.4f}"),
                ("calibration error after", f"{own['ece']:.4f}"),
            ],
        )
        lines += ["", *_plane_table(own["per_plane"]), ""]
    lines += _table(
        ("slices", "n", "right", "per class", "tumour found", "calibration error (before)"),
        [_class_row(name, own) for name, own in classes["groups"].items()],
    )
    if "sets" in classes:
        lines += ["", *_certainty_part(classes, "validation slices of each run")]
    if "cross_fitted" in classes:
        lines += ["", *_certainty_part(classes["cross_fitted"], "test sides of the other runs")]
    return lines


def _certainty_part(classes: dict[str, Any], fitted_on: str) -> list[str]:
    """Calibration, sets and abstention of home, and on what they were fitted."""
    lines = _table(
        (f"certainty, fitted on the {fitted_on}", ""),
        [
            ("calibration error, tumours", f"{classes['tumors']['ece']:.4f}"),
            ("calibration error, home", f"{classes['groups']['home']['ece']:.4f}"),
            ("home answered if unsure slices are not", percent(classes["abstention"]["answered"])),
            (
                f"right of those (asked for: {ACCURACY:.0%})",
                percent(classes["abstention"]["accuracy"]),
            ),
        ],
    )
    rows = [
        (wanted, percent(own["covered"]), f"{own['mean_size']:.3f}", percent(own["one_class"]))
        for wanted, own in classes["sets"].items()
    ]
    heads = ("prediction set: coverage asked for", "reached", "mean size", "of one class")
    return [*lines, "", *_table(heads, rows)]


def _class_row(name: str, own: dict[str, Any]) -> tuple[str, ...]:
    per_class = ", ".join(
        f"{label.replace('_', ' ')} {percent(each['accuracy'])}"
        for label, each in own["per_class"].items()
    )
    error = f"{own['ece']:.4f} ({own['ece_as_trained']:.4f})"
    found = percent(own.get("tumor_found"))
    return (SETS[name], str(own["slices"]), percent(own["accuracy"]), per_class, found, error)


def _plane_table(planes: dict[str, dict[str, Any]]) -> list[str]:
    rows = [
        (_PLANES[plane], str(own["slices"]), percent(own["accuracy"]))
        for plane, own in planes.items()
    ]
    return _table(("plane (estimated)", "n", "right"), rows)


def outline_tables(outlines: dict[str, Any]) -> list[str]:
    """Lines of Markdown about the outline, from `pooled.outline_numbers`."""
    groups = outlines["groups"]
    marked = {name: own for name, own in groups.items() if own["tumor_slices"]}
    free = {name: own for name, own in groups.items() if not own["tumor_slices"]}
    lines = _table(_OUTLINE_HEADS, [_outline_row(name, own) for name, own in marked.items()])
    lines += ["", _OUTLINE_NOTE, ""]
    lines += _table(
        ("slices without a tumour", "n", "any mask", "with the engine's rule"),
        [
            (
                SETS[name],
                str(own["slices"]),
                percent(own["tumor_free_with_mask"]),
                percent(own.get("with_rule", {}).get("tumor_free_with_mask")),
            )
            for name, own in free.items()
        ],
    )
    ruled = [
        (SETS[name], f"{own['with_rule']['dice']:.3f}", percent(own["with_rule"]["missed"]))
        for name, own in marked.items()
        if "with_rule" in own
    ]
    if ruled:
        lines += ["", *_table(("what the rule costs", "Dice", "missed"), ruled)]
    lines += _split_table("plane (estimated)", outlines.get("per_plane", {}))
    lines += _split_table("longest diameter (px of 512)", outlines.get("per_size", {}))
    return lines


def _split_table(title: str, parts: dict[str, dict[str, Any]]) -> list[str]:
    """Figshare's tumours in parts; nothing where there are none."""
    rows = [
        (
            _PLANES.get(name, name),
            str(own["slices"]),
            f"{own['dice']:.3f}",
            percent(own["missed"]),
            _number(own["hausdorff95_median_px"], 1),
        )
        for name, own in parts.items()
    ]
    return ["", *_table((title, "n", "Dice", "missed", "95 % Hausdorff"), rows)] if rows else []


def _outline_row(name: str, own: dict[str, Any]) -> tuple[str, ...]:
    per_class = ", ".join(f"{label} {dice:.3f}" for label, dice in own["dice_per_class"].items())
    interval = own.get("dice_95")
    dice = f"{own['dice']:.3f}"
    if interval:
        dice += f" ({interval[0]:.3f}-{interval[1]:.3f})"
    return (
        SETS[name],
        str(own["tumor_slices"]),
        dice,
        per_class,
        f"{own['dice_pooled']:.3f}",
        percent(own["missed"]),
        _number(own["hausdorff95_median_px"], 1),
        _errors(own["area_error"]),
        _errors(own["diameter_error"]),
    )


def _flip_part(plain: dict[str, Any], flips: dict[str, Any]) -> list[str]:
    rows: list[tuple[str, str, str]] = []

    def compare(title: str, *path: str, as_share: bool = True) -> None:
        values = [_at(numbers, path) for numbers in (plain, flips)]
        if None not in values:
            shown = [percent(v) if as_share else _number(v, 4) for v in values]
            rows.append((title, shown[0], shown[1]))

    compare("tumour slices right, home", "classes", "tumors", "accuracy")
    compare("patients right, home", "classes", "tumors", "patient_accuracy")
    compare("calibration error, home tumours", "classes", "tumors", "ece", as_share=False)
    groups = ("classes", "groups")
    compare("tumours found, other scanners", *groups, "other_scanners", "tumor_found")
    compare("right, contrast without tumour", *groups, "contrast_without_tumor", "accuracy")
    for name in ("figshare", "other_scanners", "gbm_with_tumor"):
        compare(f"Dice: {SETS[name]}", "outlines", "groups", name, "dice", as_share=False)
    for name in ("no_tumor", "contrast_without_tumor", "healthy_head"):
        compare(f"any mask: {SETS[name]}", "outlines", "groups", name, "tumor_free_with_mask")
    return _table(("", "slice alone", "with its mirror image"), rows)


def _trust_part(own: dict[str, Any]) -> list[str]:
    rows = [
        ("outlines of home tumours", str(own["outlined"])),
        ("mean difference of expected and real Dice", _number(own["mean_error"], 3)),
        ("rank correlation of the two", _number(own["correlation"], 2)),
        (f"outlines with a Dice under {POOR_BELOW}", percent(own["poor"])),
        ("outlines flagged as such", percent(own["flagged"])),
        ("poor outlines that are flagged", percent(own["caught"])),
        ("others that are flagged", percent(own["false_flags"])),
        ("of the tumour inside the outline", percent(own["recall"])),
        ("of the tumour inside the wider outline", percent(own["outer_recall"])),
        ("area of the wider outline, of the outline's", percent(own["outer_area"])),
    ]
    return _table(("", ""), rows)


def _probe_part(probes: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            str(own["slices"]),
            percent(own["accuracy"]),
            percent(own["tumors_right"]),
            percent(own["called_tumor"]),
            _number(own["dice"], 3),
        )
        for name, own in probes.items()
    ]
    heads = (
        "slices of the two home sets",
        "n",
        "right",
        "tumours right",
        "called a tumour",
        "Dice",
    )
    return [*_table(heads, rows), "", _PROBE_NOTE]


def _at(numbers: dict[str, Any], path: Iterable[str]) -> Any:
    found: Any = numbers
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _between(own: dict[str, Any], name: str) -> str:
    low, high = own[f"{name}_95"]
    return f"{percent(own[name])} ({percent(low)} to {percent(high)})"


def _errors(own: dict[str, float] | None) -> str:
    return f"{percent(own['median'])}, {percent(own['p90'])}" if own else "–"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
