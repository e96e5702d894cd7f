"""Celery's side of the work: fetch, call a service."""

from uuid import UUID

from celery import shared_task

from inference import runs, services, uploads


@shared_task(name=services.RUN_TASK)
def run_analysis(analysis_id: str) -> None:
    runs.run(UUID(analysis_id))


@shared_task(name="inference.sweep")
def sweep() -> None:
    runs.sweep()


@shared_task(name="inference.settle_uploads")
def settle_uploads() -> None:
    uploads.settle_left()
