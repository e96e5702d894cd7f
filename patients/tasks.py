"""What Celery does with files: fetch, call a service."""

from celery import shared_task

from patients import feed
from patients.team import emergency, services


@shared_task(name="patients.clear_ended_access")
def clear_ended_access() -> None:
    services.clear_ended()
    emergency.send_mail()  # what the message of its own did not reach


@shared_task(name=emergency.TELL_TASK)
def tell_of_emergencies() -> None:
    emergency.send_mail()


@shared_task(name="patients.purge_changes")
def purge_changes() -> None:
    feed.purge()
