"""What a caller can ask for: analyse, cancel, retry. `jobs` and `runs` do what workers do."""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from celery import current_app
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import KombuError

from accounts.models import User
from backend.api.errors import Conflict
from inference import installed
from inference.models import Analysis, Run
from patients import changes
from patients.models import Change, Patient
from scans.models import Scan
from scans.services import Upload, check_upload, store_scan

logger = logging.getLogger(__name__)

RUN_TASK = Analysis.TASK
R = TypeVar("R", bound=Run)


def upload_and_analyse(
    *,
    user: User,
    patient: Patient,
    file: UploadedFile,
    acquired_at: datetime | None = None,
    note: str = "",
) -> Analysis:
    """Keep an upload and queue its first analysis: both are there, or neither.

    Raises:
        ApiError: as `scans.services.check_upload` and `store_scan`.
    """
    # Before the transaction: on SQLite nobody else can write while one is open.
    upload = check_upload(file)
    return keep_and_analyse(
        user=user, patient=patient, upload=upload, acquired_at=acquired_at, note=note
    )


@transaction.atomic
def keep_and_analyse(
    *, user: User, patient: Patient, upload: Upload, acquired_at: datetime | None, note: str
) -> Analysis:
    """The same with a file that is already checked.

    Raises:
        ApiError: as `scans.services.store_scan`.
    """
    scan = store_scan(user=user, patient=patient, upload=upload, acquired_at=acquired_at, note=note)
    return queue_analysis(user=user, scan=scan)


def queue_analysis(*, user: User | None, scan: Scan, release: str = "") -> Analysis:
    """Ask for a (further) reading of a scan.

    Args:
        release: By which release; empty: by the active one.

    Raises:
        Conflict: `analysis_in_progress` while one is queued or running.
        ApiError: `unknown_release`.
    """
    return queue(Analysis(scan=scan, requested_by=user), release)


@transaction.atomic
def queue(run: R, release: str = "") -> R:
    """Write a new run and send for a worker.

    Raises:
        Conflict: `analysis_in_progress` while one of the same thing is queued or running.
        ApiError: `unknown_release`.
    """
    run.release_wanted = installed.checked(release)
    for name, value in queued_now().items():
        setattr(run, name, value)
    run.sends = 1
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError as active:
        raise in_progress(run) from active
    publish(run, Change.Action.CREATED)
    send_on_commit(run)
    return run


@transaction.atomic
def cancel(*, analysis: R) -> R:
    """Take a queued analysis out of the queue.

    Raises:
        Conflict: `not_cancellable` once it runs or has ended.
    """
    changed = rows_of(analysis).filter(status=Run.Status.QUEUED)
    done = changed.update(status=Run.Status.CANCELLED, finished_at=timezone.now())
    analysis.refresh_from_db()
    if not done:
        raise Conflict(
            "not_cancellable",
            f"Only a queued analysis can be cancelled; this is {analysis.status}.",
        )
    publish(analysis, Change.Action.UPDATED)
    return analysis


@transaction.atomic
def retry(*, analysis: R) -> R:
    """Queue a failed analysis again, with all its attempts before it.

    Raises:
        Conflict: `not_retryable` unless it failed; `analysis_in_progress`.
    """
    try:
        with transaction.atomic():
            changed = (
                rows_of(analysis)
                .filter(status=Run.Status.FAILED)
                .update(
                    **queued_now(),
                    sends=1,
                    attempts=0,
                    error_code="",
                    error_message="",
                    started_at=None,
                    finished_at=None,
                )
            )
    except IntegrityError as active:
        raise in_progress(analysis) from active
    analysis.refresh_from_db()
    if not changed:
        raise Conflict(
            "not_retryable", f"Only a failed analysis can be retried; this is {analysis.status}."
        )
    publish(analysis, Change.Action.UPDATED)
    send_on_commit(analysis)
    return analysis


def rows_of(run: R) -> QuerySet[R]:
    """The run's own row, to be changed only as it is expected to be."""
    return type(run)._default_manager.filter(pk=run.pk)


def publish(run: Run, action: Change.Action) -> None:
    """Tell everyone who follows the patient's file how far the run has got."""
    changes.publish(
        patient_id=run.patient_id, kind=run.CHANGE, object_id=run.changed_id, action=action
    )


def queued_now() -> dict[str, object]:
    """Fields of a row whose message goes out now and is missed if nobody takes it in time."""
    due_at = timezone.now() + timedelta(seconds=settings.ANALYSIS_RESEND_S)
    return {"status": Run.Status.QUEUED, "run_id": None, "due_at": due_at}


def send_on_commit(run: Run) -> None:
    transaction.on_commit(partial(send, run))


def send(run: Run) -> None:
    """Tell the workers. A broker that cannot be reached loses nothing: the sweep sends again."""
    try:
        current_app.send_task(run.TASK, args=[str(run.pk)], retry=False)
    except (KombuError, OSError) as unreachable:
        logger.warning("Analysis %s waits for the sweep: %s", run.pk, unreachable)


def in_progress(run: Run) -> Conflict:
    return Conflict("analysis_in_progress", f"This {run.THING} is already waiting for a reading.")
