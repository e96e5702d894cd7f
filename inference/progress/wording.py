"""What is said about a course, in words: the rule, its limits, and why something is not said."""

from inference.progress.rano import (
    MEASURABLE_MM,
    PARTIAL_RESPONSE_SHARE,
    PROGRESSION_SHARE,
    NoCategory,
)
from inference.progress.timeline import Obstacle, Progress

RULE = {
    "name": "RANO, two-dimensional",
    "measure": "product of the longest diameter and its perpendicular",
    "measurable_from_mm": MEASURABLE_MM,
    "partial_response_up_to": PARTIAL_RESPONSE_SHARE,
    "progression_from": PROGRESSION_SHARE,
    "sources": [
        {
            "citation": "Wen PY et al. Updated response assessment criteria for high-grade "
            "gliomas: Response Assessment in Neuro-Oncology Working Group. "
            "J Clin Oncol 2010;28:1963-1972.",
            "doi": "10.1200/JCO.2009.26.3541",
        },
        {
            "citation": "Wen PY et al. RANO 2.0: Update to the Response Assessment in "
            "Neuro-Oncology criteria for high- and low-grade gliomas in adults. "
            "J Clin Oncol 2023;41:5187-5199.",
            "doi": "10.1200/JCO.23.01059",
        },
    ],
}

OBSTACLES = {
    Obstacle.NO_DATE: "When the scan was taken is not known, only when it was uploaded.",
    Obstacle.NO_SPACING: "The file does not say how large a pixel is, and pixels of different "
    "scans are not compared.",
    Obstacle.NOT_OUTLINED: "A tumour was found but not outlined: a doctor can outline it.",
    Obstacle.CONTRADICTORY: "No tumour was found, yet a region is outlined: a doctor must decide.",
    Obstacle.BEFORE_BASELINE: "The scan is earlier than the baseline that was asked for.",
}

NO_CATEGORIES = {
    NoCategory.BASELINE: "This is the baseline.",
    NoCategory.NOT_GLIOMA: "The rule is for gliomas.",
    NoCategory.BASELINE_NOT_MEASURABLE: "At baseline both diameters were not 10 mm or more.",
    NoCategory.TOO_SMALL: "It grew, but both diameters are not 10 mm or more: a difference of a "
    "pixel would decide.",
}

ALWAYS = {
    "imaging_only": "Steroids, the patient's condition, the time since radiotherapy, new lesions "
    "and what does not enhance are not taken into account: this alone is no RANO assessment.",
    "slices_not_volumes": "Each date is the largest slice that was uploaded for it: an area, not a "
    "volume, and as good as the choice of slices.",
    "largest_part": "Diameters are those of the largest part; RANO adds up target lesions.",
}


def cautions(progress: Progress) -> dict[str, str]:
    """What to keep in mind about this course: stable codes, and a sentence for each."""
    found = dict(ALWAYS)
    if any(point.answer.review is None for point in progress.compared):
        found["preliminary"] = "Some of it rests on readings that no doctor has reviewed."
    series = {point.answer.scan.series.description for point in progress.compared}
    if len(series) > 1:
        found["different_series"] = (
            "The slices come from series with different descriptions; compare like with like."
        )
    return found
