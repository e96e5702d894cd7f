"""Do class and outline tell the same story, and is the class sure?

The segmenter sees tumours in many slices without one, the classifier in few. So where the
classifier is all but certain that there is none, nothing is outlined; docs/engine.md has what that
gives and costs. Everywhere else neither network is overruled: a doctor sees both and is told where
they contradict each other.
"""

from collections.abc import Sequence

from inference.engine.reading import Reason

UNSURE_BELOW = 0.7  # calibrated probability of the most likely class
POOR_BELOW = 0.6  # expected Dice of an outline
CLEAR_FROM = 0.9  # calibrated probability of no tumour

_NAMES = {
    "glioma": "glioma",
    "meningioma": "meningioma",
    "pituitary": "pituitary tumour",
    "no_tumor": "no tumour",
}


def clear_of_tumor(probabilities: dict[str, float]) -> bool:
    """Whether the classifier is certain enough of no tumour to leave the outline away."""
    return probabilities["no_tumor"] >= CLEAR_FROM


def possible_labels(
    probabilities: dict[str, float], label: str, set_threshold: float | None
) -> list[str] | None:
    """Return every class of at least the threshold, and the label; the most probable first.

    None without a threshold: the release does not know which are possible.
    """
    if set_threshold is None:
        return None
    return [
        name
        for name in _likeliest(probabilities)
        if name == label or probabilities[name] >= set_threshold
    ]


def unsure(labels: Sequence[str]) -> Reason:
    """Say between which classes, the most probable first, a reading cannot tell."""
    *most, last = (_NAMES[label] for label in labels)
    return Reason(
        "unsure", f"The class is uncertain: {', '.join(most)} or {last}, the likeliest first."
    )


def warnings_for(
    probabilities: dict[str, float],
    *,
    outlined: bool,
    set_threshold: float | None = None,
    expected_dice: float | None = None,
) -> list[Reason]:
    """Return what to keep in mind about an accepted reading.

    set_threshold: every class of at least this probability is possible; without it the class is
    unsure below UNSURE_BELOW. expected_dice: of the outline, where it is foretold.
    Codes: class_mask_disagree, unsure, poor_outline.
    """
    label, second = _likeliest(probabilities)[:2]
    possible = possible_labels(probabilities, label, set_threshold)
    if possible is None:
        possible = [label, second] if probabilities[label] < UNSURE_BELOW else [label]
    reasons = []
    if label == "no_tumor" and outlined:
        reasons.append(
            Reason(
                "class_mask_disagree",
                "The class says no tumour, yet a region was outlined; look at the outline.",
            )
        )
    if label != "no_tumor" and not outlined:
        reasons.append(
            Reason(
                "class_mask_disagree",
                f"The class says {_NAMES[label]}, yet no tumour could be outlined.",
            )
        )
    if len(possible) > 1:
        reasons.append(unsure(possible))
    if outlined and expected_dice is not None and expected_dice < POOR_BELOW:
        reasons.append(
            Reason(
                "poor_outline",
                "The outline is likely to be a poor one; check it before anything is measured.",
            )
        )
    return reasons


def _likeliest(probabilities: dict[str, float]) -> list[str]:
    return sorted(probabilities, key=lambda name: -probabilities[name])
