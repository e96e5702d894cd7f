"""Celery's side of pushes: fetch, call a service."""

from uuid import UUID

from celery import shared_task

from dicom.deliveries import jobs
from fhir.models import Push
from fhir.push import services


@shared_task(name=services.TASK)
def push(push_id: str) -> None:
    jobs.run(Push, UUID(push_id), services.deliver)


@shared_task(name="fhir.sweep_pushes")
def sweep_pushes() -> None:
    services.push_missing()
    jobs.sweep(Push, services.TASK)
