"""Celery's side of the work: fetch, call a service."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from inference import runs, uploads
from inference.models import Analysis, SeriesAnalysis
from inference.series import runs as series_runs


@shared_task(name=Analysis.TASK)
def run_analysis(analysis_id: str) -> None:
    runs.run(UUID(analysis_id))


@shared_task(
    name=SeriesAnalysis.TASK,
    time_limit=settings.SERIES_TIME_LIMIT_S,
    soft_time_limit=max(1, settings.SERIES_TIME_LIMIT_S - 5),
)
def run_series_analysis(analysis_id: str) -> None:
    series_runs.run(UUID(analysis_id))


@shared_task(name="inference.sweep")
def sweep() -> None:
    runs.sweep()


@shared_task(name="inference.settle_uploads")
def settle_uploads() -> None:
    uploads.settle_left()
