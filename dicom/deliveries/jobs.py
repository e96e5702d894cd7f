"""Doing what is waiting, once: claims, pauses and givings up of publications and deliveries.

Every change of state is a compare-and-set on the row, so that any of these may run twice, at once
or out of order, and the outcome is the same.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import KombuError

from backend.api.errors import Conflict
from dicom.models.job import Job

logger = logging.getLogger(__name__)

Status = Job.Status
J = TypeVar("J", bound=Job)


class Hopeless(Exception):
    """Trying again will not help."""


def run(kind: type[J], job_id: UUID, work: Callable[[J], None]) -> None:
    """Do a waiting job; later again where it fails, until it is given up.

    Args:
        work: Raises `Hopeless` with a sentence where it makes no sense to try again.
    """
    job = _claim(kind, job_id)
    if job is None:
        return  # done, or in other hands: a message may come twice
    try:
        work(job)
    except Hopeless as error:
        _settle(job, status=Status.FAILED, error=str(error)[:500], finished_at=timezone.now())
    except Exception as error:
        logger.exception("%s %s, attempt %d", kind.__name__, job.pk, job.attempts)
        _later_or_never(job, getattr(error, "message", "It failed for a reason of ours."))
    else:
        _settle(job, status=Status.DONE, error="", finished_at=timezone.now())


def send(task: str, job: Job) -> None:
    """Wake a worker once the transaction holds. Where the broker is away, the sweep does."""
    transaction.on_commit(partial(_send, task, job.pk))


def again(job: Job, task: str) -> None:
    """Do again what was given up, with all its attempts before it.

    Raises:
        Conflict: `not_retryable` unless it was given up.
    """
    changed = (
        type(job)
        ._default_manager.filter(pk=job.pk, status=Status.FAILED)
        .update(
            status=Status.WAITING, attempts=0, error="", finished_at=None, due_at=timezone.now()
        )
    )
    job.refresh_from_db()
    if not changed:
        message = f"Only what was given up can be retried; this is {job.status}."
        raise Conflict("not_retryable", message)
    send(task, job)


def sweep(kind: type[Job], task: str) -> None:
    """Bring back what is due: its pause is over, or its message or its worker got lost."""
    now = timezone.now()
    due = kind._default_manager.filter(status__in=Job.OPEN, due_at__lte=now)
    for job in due.order_by("due_at")[:1000]:
        if job.status == Status.RUNNING:
            _later_or_never(job, "Its worker was lost.", now=True)
        still = kind._default_manager.filter(pk=job.pk, status=Status.WAITING, due_at__lte=now)
        if still.update(due_at=now + timedelta(seconds=settings.ANALYSIS_RESEND_S)):
            _send(task, job.pk)


def _claim(kind: type[J], job_id: UUID) -> J | None:
    run_id = uuid4()
    lease = timedelta(seconds=settings.ANALYSIS_LEASE_S)
    taken = kind._default_manager.filter(pk=job_id, status=Status.WAITING).update(
        status=Status.RUNNING,
        run_id=run_id,
        attempts=F("attempts") + 1,
        due_at=timezone.now() + lease,
    )
    return kind._default_manager.get(pk=job_id, run_id=run_id) if taken else None


def _later_or_never(job: Job, error: str, *, now: bool = False) -> None:
    fields: dict[str, Any] = {"error": error[:500]}
    if job.attempts >= settings.DICOM_DELIVERY_ATTEMPTS:
        _settle(job, status=Status.FAILED, finished_at=timezone.now(), **fields)
        return
    # Not sent now: the sweep sends what is due, so that waiting needs no memory of a broker's.
    wait = 0 if now else settings.DICOM_DELIVERY_BACKOFF_S * 2 ** (job.attempts - 1)
    _settle(job, status=Status.WAITING, due_at=timezone.now() + timedelta(seconds=wait), **fields)


def _settle(job: Job, **fields: Any) -> None:
    """Change the row if this run still owns it."""
    rows = type(job)._default_manager
    rows.filter(pk=job.pk, status=Status.RUNNING, run_id=job.run_id).update(run_id=None, **fields)


def _send(task: str, job_id: UUID) -> None:
    try:
        current_app.send_task(task, args=[str(job_id)], retry=False)
    except (KombuError, OSError) as unreachable:
        logger.warning("%s %s waits for the sweep: %s", task, job_id, unreachable)
