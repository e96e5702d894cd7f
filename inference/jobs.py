"""What workers do with every run, be it of a slice or of a series: claim it, settle it; and what
the sweep does for lost ones.

Every change of state is a compare-and-set on the row, so that any of these may run twice, at once
or out of order, and the outcome is the same.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from inference.models import Run
from inference.services import publish, queued_now, rows_of, send
from patients.models import Change
from scans.decoding import DecodeError

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Run)
Status = Run.Status


class GivenUp(Exception):
    """Another worker has the row by now: whatever this one does is for nothing."""


def carry_out(run: R, work: Callable[[R], None]) -> None:
    """Do a claimed run's work; settle it as failed, or for later, where that breaks off."""
    try:
        work(run)
    except GivenUp:
        logger.warning("Analysis %s was given up on", run.pk)
    except DecodeError as broken:
        fail(run, broken.code, broken.message)
    except Exception as cause:
        logger.exception("Analysis %s, attempt %d", run.pk, run.attempts)
        retry_later_or_fail(run, cause)


@transaction.atomic
def claim(model: type[R], pk: UUID, *related: str) -> R | None:
    """Take a queued run; None when there is nothing to take.

    Args:
        related: What is fetched with it.
    """
    run_id = uuid4()
    now = timezone.now()
    taken = model._default_manager.filter(pk=pk, status=Status.QUEUED).update(
        status=Status.RUNNING,
        run_id=run_id,
        attempts=F("attempts") + 1,
        started_at=now,
        due_at=now + timedelta(seconds=settings.ANALYSIS_LEASE_S),
    )
    if not taken:
        return None
    run = model._default_manager.select_related("requested_by", *related).get(pk=pk, run_id=run_id)
    publish(run, Change.Action.UPDATED)
    return run


@transaction.atomic
def renew(run: Run, **fields: object) -> None:
    """Say that the run's worker is alive, and how far it is.

    Raises:
        GivenUp: when the row is no longer this run's.
    """
    due_at = timezone.now() + timedelta(seconds=settings.ANALYSIS_LEASE_S)
    owned = rows_of(run).filter(status=Status.RUNNING, run_id=run.run_id)
    if not owned.update(due_at=due_at, **fields):
        raise GivenUp
    publish(run, Change.Action.UPDATED)


@transaction.atomic
def settle(run: Run, **fields: object) -> bool:
    """Change the row if this run still owns it; say whether it did."""
    owned = rows_of(run).filter(status=Status.RUNNING, run_id=run.run_id)
    changed = bool(owned.update(**{"run_id": None, **fields}))
    if changed:
        publish(run, Change.Action.UPDATED)
        logger.info("Analysis %s: %s", run.pk, fields["status"])
    return changed


def retry_later_or_fail(run: Run, cause: Exception) -> None:
    """Give the run back to the queue, for later; after the last attempt it has failed."""
    if run.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
        fail(run, *explain(run, cause))
        return
    wait = settings.ANALYSIS_RETRY_BACKOFF_S * 2 ** (run.attempts - 1)
    due_at = timezone.now() + timedelta(seconds=wait)
    # Not sent now: the sweep sends what is due, so that waiting needs no memory of a broker's.
    settle(run, status=Status.QUEUED, due_at=due_at, sends=0)


def explain(run: Run, cause: Exception) -> tuple[str, str]:
    if isinstance(cause, SoftTimeLimitExceeded):
        return "time_limit", "The reading took too long and was stopped."
    if isinstance(cause, OSError):
        return "storage_unavailable", f"The stored {run.THING} could not be read."
    return "engine_error", f"The reading failed for a reason of ours; the {run.THING} is kept."


def fail(run: Run, code: str, message: str) -> None:
    settle(
        run,
        status=Status.FAILED,
        error_code=code,
        error_message=message,
        finished_at=timezone.now(),
    )


def sweep(model: type[R], *related: str) -> None:
    """Bring back every run whose message or worker got lost. Safe to run anywhere, often."""
    now = timezone.now()
    due = model._default_manager.filter(status__in=Run.ACTIVE, due_at__lte=now)
    for run in due.select_related(*related).order_by("due_at")[:1000]:
        settle_lost(run) if run.status == Status.RUNNING else send_again(run, now)


def settle_lost(run: Run) -> None:
    """Its worker died or hangs. Queue it again, unless it has killed enough workers."""
    if run.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
        fail(run, "worker_lost", f"The reading broke off several times; the {run.THING} is kept.")
    elif settle(run, **queued_now(), sends=1):
        send(run)


def send_again(run: Run, now: datetime) -> None:
    """Its message is lost, or the queue is long: wait twice as long before the next."""
    wait = timedelta(seconds=settings.ANALYSIS_RESEND_S * 2 ** min(run.sends, 6))
    still = rows_of(run).filter(status=Status.QUEUED, due_at=run.due_at)
    if still.update(due_at=now + wait, sends=F("sends") + 1):
        send(run)


def remove_unused_files(run: Run, files: dict[str, FieldFile]) -> None:
    """Take this run's files, by their fields' names, away again unless the row has them.

    The row is asked: a commit may have happened although all that came back was an error.
    """
    used = rows_of(run).values_list(*files).first() or ()
    for stored in files.values():
        if stored and stored.name not in used:
            stored.delete(save=False)
