"""What readings of series, and decisions about them, say in the patient's history."""

from typing import Any

from django.urls import reverse

from inference.models import Label, SeriesAnalysis, SeriesReview
from inference.runs import percent
from patients.history.services import amend, record
from patients.models import HistoryEntry

Decision = SeriesReview.Decision


def write(analysis: SeriesAnalysis) -> HistoryEntry:
    """Write a reading into the file, once however often this runs."""
    series = analysis.series
    label = Label(analysis.label)
    return record(
        patient=series.study.patient,
        kind=HistoryEntry.Kind.READING,
        subject_id=analysis.id,
        title=f"{label.label}, {percent((analysis.probabilities or {})[label])}",
        author=analysis.requested_by,
        occurred_at=series.started_at or series.study.started_at or series.created_at,
        data=data_of(analysis),
    )


def data_of(analysis: SeriesAnalysis) -> dict[str, Any]:
    measurements = analysis.measurements or {}
    return {
        "analysis": str(analysis.id),
        "series": str(analysis.series_id),
        "study": str(analysis.series.study_id),
        "description": analysis.series.description,
        "status": "preliminary",
        "label": analysis.label,
        "probabilities": analysis.probabilities,
        "possible_labels": analysis.possible_labels,
        "reasons": analysis.reasons,
        "measurements": measurements,
        "slices": analysis.slices_total,
        "elapsed_ms": analysis.elapsed_ms,
        "release": analysis.release,
        "overlay": reverse("series-analysis-overlay", args=[analysis.id]),
        "heatmap": reverse("series-analysis-heatmap", args=[analysis.id]),
    }


def amend_by(review: SeriesReview) -> None:
    """Write a doctor's decision into the entry of the reading, if the file still has one."""
    analysis = review.analysis
    entry = HistoryEntry.objects.filter(
        kind=HistoryEntry.Kind.READING,
        subject_id=analysis.id,
        status=HistoryEntry.Status.CURRENT,
    ).first()
    if entry is None:
        return
    rejected = review.decision == Decision.REJECTED
    decided = {
        "status": review.decision,
        "label": analysis.label if rejected else review.label,
        "review": {
            "version": review.version,
            "decision": review.decision,
            "reviewer": str(review.reviewer),
            "at": review.created_at.isoformat(),
            "reason": "",
            "comment": review.comment,
            "overlay": None if rejected else entry.data.get("overlay"),
        },
    }
    amend(entry=entry, author=review.reviewer, data=entry.data | decided, title=title_of(review))


def title_of(review: SeriesReview) -> str:
    if review.decision == Decision.REJECTED:
        return "Reading rejected"
    name = Label(review.label).label
    if review.decision == Decision.CONFIRMED:
        return f"{name}, confirmed"
    return f"{name}, corrected from {Label(review.analysis.label).label.lower()}"
