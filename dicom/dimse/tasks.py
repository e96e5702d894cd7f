"""Celery's side of retrievals: fetch, call a service."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from dicom.deliveries import jobs
from dicom.dimse import retrievals
from dicom.models import Retrieval


@shared_task(
    name=retrievals.TASK,
    soft_time_limit=settings.RETRIEVAL_TIME_LIMIT_S,
    time_limit=settings.RETRIEVAL_TIME_LIMIT_S + 10,
)
def retrieve(retrieval_id: str) -> None:
    jobs.run(Retrieval, UUID(retrieval_id), retrievals.run)


@shared_task(name="dicom.sweep_retrievals")
def sweep_retrievals() -> None:
    jobs.sweep(Retrieval, retrievals.TASK)
