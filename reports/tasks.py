"""Celery's side of archives: fetch, call a service."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from reports.archives import services


@shared_task(
    name=services.BUILD_TASK,
    soft_time_limit=settings.ARCHIVE_TIME_LIMIT_S,
    time_limit=settings.ARCHIVE_TIME_LIMIT_S + 10,
)
def build_archive(archive_id: str) -> None:
    services.build(UUID(archive_id))


@shared_task(name="reports.sweep")
def sweep() -> None:
    services.sweep()
