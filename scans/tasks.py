"""What Celery does with scans: fetch, call a service."""

from celery import shared_task

from scans.opinions import services


@shared_task(name="scans.end_overdue_opinions")
def end_overdue_opinions() -> None:
    services.end_overdue()
