"""Celery's side of publications and deliveries: fetch, call a service."""

from uuid import UUID

from celery import shared_task

from dicom.deliveries import jobs, services
from dicom.models import Delivery, Publication
from dicom.objects import services as objects


@shared_task(name=objects.TASK)
def publish(publication_id: str) -> None:
    jobs.run(Publication, UUID(publication_id), objects.publish)


@shared_task(name=services.TASK)
def deliver(delivery_id: str) -> None:
    jobs.run(Delivery, UUID(delivery_id), services.deliver)


@shared_task(name="dicom.sweep_deliveries")
def sweep_deliveries() -> None:
    objects.publish_missing()
    jobs.sweep(Publication, objects.TASK)
    jobs.sweep(Delivery, services.TASK)
