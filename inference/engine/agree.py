"""Do class and outline tell the same story, and is the class sure?

The segmenter sees tumours in many slices without one, the classifier in few. So where the
classifier is all but certain that there is none, nothing is outlined; docs/engine.md has what that
gives and costs. Everywhere else neither network is overruled: a doctor sees both and is told where
they contradict each other.
"""

from inference.engine.reading import Reason

UNSURE_BELOW = 0.7  # calibrated probability of the most likely class
_CLEAR_FROM = 0.9  # calibrated probability of no tumour

_NAMES = {
    "glioma": "glioma",
    "meningioma": "meningioma",
    "pituitary": "pituitary tumour",
    "no_tumor": "no tumour",
}


def clear_of_tumor(probabilities: dict[str, float]) -> bool:
    """Whether the classifier is certain enough of no tumour to leave the outline away."""
    return probabilities["no_tumor"] >= _CLEAR_FROM


def warnings_for(probabilities: dict[str, float], *, outlined: bool) -> list[Reason]:
    """Return what to keep in mind about an accepted reading.

    Codes: class_mask_disagree, unsure.
    """
    (label, share), (second, _) = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
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
    if share < UNSURE_BELOW:
        reasons.append(
            Reason(
                "unsure",
                f"The class is uncertain: {_NAMES[label]} is most likely, "
                f"{_NAMES[second]} is possible.",
            )
        )
    return reasons
