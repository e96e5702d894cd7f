from celery import shared_task

from backend.idempotency import services


@shared_task(name="idempotency.purge")
def purge() -> None:
    services.purge()
