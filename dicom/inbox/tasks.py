from celery import shared_task

from dicom.inbox import decisions


@shared_task(name="dicom.inbox.file_waiting")
def file_waiting() -> None:
    decisions.file_waiting()


@shared_task(name="dicom.inbox.discard_expired")
def discard_expired() -> None:
    decisions.discard_expired()
