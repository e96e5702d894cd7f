"""What changes analyses of series: asking for them, and what doctors decide about them."""

import logging
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from backend.api.errors import ApiError, Conflict, Forbidden
from inference.models import Run, SeriesAnalysis, SeriesReview
from inference.series import history
from inference.series.signals import series_reviewed
from inference.services import publish, queue
from patients.models import Change
from scans.models import Series

logger = logging.getLogger(__name__)

Decision = SeriesReview.Decision


def queue_series_analysis(
    *, user: User | None, series: Series, release: str = ""
) -> SeriesAnalysis:
    """Ask for a (further) reading of a series, whatever its headers say of it.

    Args:
        release: By which release; empty: by the active one.

    Raises:
        Conflict: `analysis_in_progress` while one is queued or running; `made_here` for a series
            that was made of a reading.
        ApiError: `unknown_release`.
    """
    if series.ours:
        raise Conflict("made_here", "This series was made here of a reading, and is never read.")
    return queue(SeriesAnalysis(series=series, requested_by=user), release)


def read_settled(sender: type[Series], series: Series, **_: Any) -> None:
    """Queue a reading of a series that is whole, if it is worth one and has not had it yet.

    While one runs nothing is queued: `read_what_came_since` follows it.
    """
    if not is_wanted(series):
        return
    last = SeriesAnalysis.objects.filter(series=series).order_by("-created_at", "-id").first()
    if last is not None and (last.status in Run.ACTIVE or not came_since(series, last)):
        return
    queue_unless_active(series)


def read_what_came_since(analysis: SeriesAnalysis) -> None:
    """Queue the next reading if more of the series came while this one ran, and it is settled."""
    series = Series.objects.select_related("study").filter(pk=analysis.series_id).first()
    if series is None or series.settled_at is None or not is_wanted(series):
        return
    analysis = SeriesAnalysis.objects.get(pk=analysis.pk)
    if analysis.status not in Run.ACTIVE and came_since(series, analysis):
        queue_unless_active(series)


def is_wanted(series: Series) -> bool:
    """A doctor's word, else what the headers say."""
    wanted = series.worth_reading if series.chosen is None else series.chosen
    return wanted and not series.ours


def came_since(series: Series, analysis: SeriesAnalysis) -> bool:
    """Whether something came that the analysis cannot have seen."""
    begun = analysis.started_at or analysis.created_at
    return series.received_at is not None and series.received_at > begun


def queue_unless_active(series: Series) -> None:
    try:
        queue_series_analysis(user=None, series=series)
    except Conflict:
        logger.info("Series %s is being read already", series.pk)


@transaction.atomic
def review(
    *,
    user: User,
    analysis: SeriesAnalysis,
    decision: str,
    label: str = "",
    comment: str = "",
    supersedes: int | None = None,
) -> SeriesReview:
    """Decide about a reading; the model's own answer stays as it is.

    Args:
        label: For a correction: what it is.
        supersedes: The version of the review that the doctor has seen and decides anew.

    Raises:
        Forbidden: `doctor_required`.
        Conflict: `not_reviewable`; `review_conflict`, unless the review that stands is the one
            to be superseded.
        ApiError: `only_with_corrected`, `required`, `nothing_corrected`.
    """
    if not user.is_doctor:
        raise Forbidden("doctor_required", "Only a doctor decides about a reading.")
    if analysis.status != Run.Status.DONE:
        raise Conflict(
            "not_reviewable", f"Only a done analysis is reviewed; this is {analysis.status}."
        )
    check_label(analysis, decision, label)
    standing = analysis.reviews.first()
    if (standing.version if standing else None) != supersedes:
        raise review_conflict(standing)
    written = SeriesReview(
        analysis=analysis,
        version=(supersedes or 0) + 1,
        decision=decision,
        label=analysis.label if decision == Decision.CONFIRMED else label,
        comment=comment,
        reviewer=user,
    )
    try:
        with transaction.atomic():
            written.save(force_insert=True)
    except IntegrityError as two_at_once:
        raise review_conflict(analysis.reviews.first()) from two_at_once
    history.amend_by(written)
    publish(analysis, Change.Action.UPDATED)
    send = partial(series_reviewed.send, sender=SeriesReview, analysis=analysis, review=written)
    transaction.on_commit(send, robust=True)
    return written


def check_label(analysis: SeriesAnalysis, decision: str, label: str) -> None:
    """Refuse a label that does not go with the decision, rather than lose it in silence."""
    if decision != Decision.CORRECTED:
        if label:
            raise ApiError("only_with_corrected", "Only a correction has this.", field="label")
    elif not label:
        raise ApiError("required", "Say what it is.", field="label")
    elif label == analysis.label:
        raise ApiError("nothing_corrected", "This is what the model says: confirm it.")


def review_conflict(standing: SeriesReview | None) -> Conflict:
    if standing is None:
        return Conflict("review_conflict", "There is no such review of this reading.")
    return Conflict(
        "review_conflict",
        f"{standing.reviewer} has reviewed this reading. Look at that, and say with its version "
        "as `supersedes` that yours takes its place.",
        version=standing.version,
        decision=standing.decision,
        reviewer=str(standing.reviewer),
        at=standing.created_at.isoformat(),
    )
