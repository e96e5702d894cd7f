"""What Celery does with scans: fetch, call a service."""

from celery import shared_task

from scans.opinions import services
from scans.series.services import settle_quiet


@shared_task(name="scans.end_overdue_opinions")
def end_overdue_opinions() -> None:
    services.end_overdue()


@shared_task(name="scans.settle_quiet_series")
def settle_quiet_series() -> None:
    settle_quiet()
