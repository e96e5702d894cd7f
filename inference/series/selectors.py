"""Everything that reads analyses of series, limited to what the caller may see."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from inference.models import SeriesAnalysis, SeriesReview
from patients.access import Level, patient_for, patients_for
from patients.models import Patient
from scans.models import Series


def series_analyses_for(user: User) -> QuerySet[SeriesAnalysis]:
    """Analyses of the series of the patients whose file the user may see, newest first."""
    visible = patients_for(user).order_by()
    analyses = SeriesAnalysis.objects.filter(series__study__patient__in=visible)
    return analyses.select_related("series__study")


def series_analyses_of(series: Series) -> QuerySet[SeriesAnalysis]:
    """The analyses of a series that the caller may see, newest first."""
    return SeriesAnalysis.objects.filter(series=series).prefetch_related("reviews__reviewer")


def newest_done(series: Series) -> SeriesAnalysis | None:
    """The newest reading of a series that has an answer."""
    done = SeriesAnalysis.objects.filter(series=series, status=SeriesAnalysis.Status.DONE)
    return done.order_by("-created_at", "-id").first()


def series_analysis_for(
    user: User, series_analysis_id: UUID, *, level: int = Level.READER
) -> SeriesAnalysis:
    """Return one analysis; its `series.study.patient` says what the user may do, and why.

    Raises:
        SeriesAnalysis.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    analysis = SeriesAnalysis.objects.select_related("series__study").get(pk=series_analysis_id)
    study = analysis.series.study
    try:
        study.patient = patient_for(user, study.patient_id, level=level)
    except Patient.DoesNotExist as hidden:
        raise SeriesAnalysis.DoesNotExist from hidden
    return analysis


def current_review(analysis: SeriesAnalysis) -> SeriesReview | None:
    """The review that counts: the newest; None: the reading is preliminary."""
    return next(iter(analysis.reviews.all()), None)


def reviews_of(analysis: SeriesAnalysis) -> QuerySet[SeriesReview]:
    """All reviews of an analysis that the caller may see, the one that counts first."""
    return analysis.reviews.select_related("reviewer")
