"""What a review changes in the patient's history."""

from typing import Any

from django.urls import reverse

from inference.models import Label, Review
from patients.history.services import amend
from patients.models import HistoryEntry


def amend_history(review: Review) -> None:
    """Write the decision into the entry of the reading, if the file still has one.

    The entry goes on saying what the model saw: `probabilities`, `release`, the pictures. `status`,
    `label` and `measurements` become the doctor's, and `review` says whose they are.
    """
    entry = HistoryEntry.objects.filter(
        kind=HistoryEntry.Kind.READING,
        subject_id=review.analysis_id,
        status=HistoryEntry.Status.CURRENT,
    ).first()
    if entry is not None:
        amend(
            entry=entry,
            author=review.reviewer,
            data=entry.data | final_data(review),
            title=title_of(review),
        )


def title_of(review: Review) -> str:
    if review.decision == Review.Decision.REJECTED:
        return "Reading rejected"
    name = Label(review.label).label
    if review.decision == Review.Decision.SIGNED:
        return f"{name}, signed"
    models_label = Label(review.analysis.label)
    if models_label == review.label:
        return f"{name}, outline corrected"
    return f"{name}, corrected from {models_label.label.lower()}"


def final_data(review: Review) -> dict[str, Any]:
    """The doctor's answer; where a reading is rejected, the model's stays to be seen."""
    stands = review.decision == Review.Decision.REJECTED
    analysis = review.analysis
    return {
        "status": review.decision,
        "label": analysis.label if stands else review.label,
        "measurements": analysis.measurements if stands else review.measurements,
        "review": {
            "version": review.version,
            "decision": review.decision,
            "reviewer": review.reviewer_name,
            "at": review.created_at.isoformat(),
            "reason": review.reason,
            "comment": review.comment,
            "overlay": picture_of(review, "overlay"),
        },
    }


def picture_of(review: Review, kind: str) -> str | None:
    """Address of the picture of the outline that counts: the doctor's, or the model's."""
    if review.outline == Review.Outline.DOCTOR:
        return reverse(f"review-{kind}", args=[review.analysis_id, review.version])
    if review.outline == Review.Outline.MODEL:
        return reverse(f"analysis-{kind}", args=[review.analysis_id])
    return None
