"""What a reading is in FHIR, of one slice or of a series: the answer that stands now.

A reading is preliminary until a doctor has reviewed it. A doctor's answer then stands in its place;
what the model measured and the doctor took away is `entered-in-error`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from inference.models import Analysis, Review, SeriesAnalysis, SeriesReview
from scans.models import Study

STATUS = {"signed": "final", "confirmed": "final", "corrected": "corrected"}
REJECTED = "entered-in-error"
UNDONE = {
    "queued": "registered",
    "running": "registered",
    "rejected": "cancelled",
    "failed": "cancelled",
    "cancelled": "cancelled",
}


@dataclass(frozen=True)
class Found:
    """A reading as it stands.

    status: of the report. measured: what counts; model: what the model measured.
    """

    id: UUID
    status: str
    label: str
    label_shown: str
    probabilities: dict[str, float]
    measured: dict[str, Any]
    model: dict[str, Any]
    reasons: Iterable[dict[str, str]]
    comment: str
    release: str
    patient_id: UUID
    study: Study
    taken_at: datetime | None
    issued_at: datetime
    reviewer: Any
    is_slice: bool


def found(row: Analysis | SeriesAnalysis) -> Found:
    """Gather what both kinds of readings say. Their study and current reviews are prefetched."""
    review: Review | SeriesReview | None = next(iter(row.current), None)  # type: ignore[union-attr]
    decision = review.decision if review else ""
    status = UNDONE.get(row.status) or STATUS.get(decision, REJECTED if decision else "preliminary")
    model = row.measurements or {}
    measured = model
    if isinstance(review, Review) and decision != Review.Decision.REJECTED:
        measured = review.measurements or {}
    label = (review.label if review else "") or row.label
    if label == "no_tumor" and review:
        measured = {}
    taken: datetime | None
    if isinstance(row, Analysis):
        study, taken = row.scan.series.study, row.scan.happened_at
    else:
        study = row.series.study
        taken = row.series.started_at or study.started_at
    return Found(
        id=row.pk,
        status=status,
        label=label,
        label_shown=dict(row._meta.get_field("label").flatchoices).get(label, ""),
        probabilities=row.probabilities or {},
        measured=measured,
        model=model,
        reasons=row.reasons or [],
        comment=" ".join(
            filter(None, (getattr(review, "reason", ""), review.comment if review else ""))
        ),
        release=row.release,
        patient_id=study.patient_id,
        study=study,
        taken_at=taken,
        issued_at=review.created_at if review else (row.finished_at or row.created_at),
        reviewer=review.reviewer if review else None,
        is_slice=isinstance(row, Analysis),
    )
