from celery import shared_task

from scans.uploads import services


@shared_task(name="uploads.expire")
def expire() -> None:
    services.expire()
