"""Do class and outline tell the same story, and is the class sure?

Neither network is overruled: a doctor sees both and is told where they contradict each other.
"""

from inference.engine.reading import Reason

_UNSURE_BELOW = 0.7  # calibrated probability of the most likely class

_NAMES = {
    "glioma": "glioma",
    "meningioma": "meningioma",
    "pituitary": "pituitary tumour",
    "no_tumor": "no tumour",
}


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
    if share < _UNSURE_BELOW:
        reasons.append(
            Reason(
                "unsure",
                f"The class is uncertain: {_NAMES[label]} is most likely, "
                f"{_NAMES[second]} is possible.",
            )
        )
    return reasons
