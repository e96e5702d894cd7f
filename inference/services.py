"""What a caller can ask for: analyse, cancel, retry. `runs` does what workers do."""

import logging
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import KombuError

from accounts.models import User
from backend.api.errors import Conflict
from inference.models import Analysis
from patients import changes
from patients.models import Change, Patient
from scans.models import Scan
from scans.services import Upload, check_upload, store_scan

logger = logging.getLogger(__name__)

RUN_TASK = "inference.run_analysis"


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


@transaction.atomic
def queue_analysis(*, user: User | None, scan: Scan) -> Analysis:
    """Ask for a (further) reading of a scan.

    Raises:
        Conflict: `analysis_in_progress` while one is queued or running.
    """
    try:
        with transaction.atomic():
            analysis = Analysis.objects.create(
                scan=scan, requested_by=user, **queued_now(), sends=1
            )
    except IntegrityError as active:
        raise in_progress() from active
    publish(analysis, Change.Action.CREATED)
    send_on_commit(analysis.id)
    return analysis


@transaction.atomic
def cancel(*, analysis: Analysis) -> Analysis:
    """Take a queued analysis out of the queue.

    Raises:
        Conflict: `not_cancellable` once it runs or has ended.
    """
    changed = Analysis.objects.filter(pk=analysis.pk, status=Analysis.Status.QUEUED).update(
        status=Analysis.Status.CANCELLED, finished_at=timezone.now()
    )
    analysis.refresh_from_db()
    if not changed:
        raise Conflict(
            "not_cancellable",
            f"Only a queued analysis can be cancelled; this is {analysis.status}.",
        )
    publish(analysis, Change.Action.UPDATED)
    return analysis


@transaction.atomic
def retry(*, analysis: Analysis) -> Analysis:
    """Queue a failed analysis again, with all its attempts before it.

    Raises:
        Conflict: `not_retryable` unless it failed; `analysis_in_progress`.
    """
    try:
        with transaction.atomic():
            changed = Analysis.objects.filter(pk=analysis.pk, status=Analysis.Status.FAILED).update(
                **queued_now(),
                sends=1,
                attempts=0,
                error_code="",
                error_message="",
                started_at=None,
                finished_at=None,
            )
    except IntegrityError as active:
        raise in_progress() from active
    analysis.refresh_from_db()
    if not changed:
        raise Conflict(
            "not_retryable", f"Only a failed analysis can be retried; this is {analysis.status}."
        )
    publish(analysis, Change.Action.UPDATED)
    send_on_commit(analysis.id)
    return analysis


def publish(analysis: Analysis, action: Change.Action) -> None:
    """Tell everyone who follows the patient's file how far the analysis has got."""
    changes.publish(
        patient_id=analysis.scan.patient_id,
        kind=Change.Kind.ANALYSIS,
        object_id=analysis.id,
        action=action,
    )


def queued_now() -> dict[str, object]:
    """Fields of a row whose message goes out now and is missed if nobody takes it in time."""
    due_at = timezone.now() + timedelta(seconds=settings.ANALYSIS_RESEND_S)
    return {"status": Analysis.Status.QUEUED, "run_id": None, "due_at": due_at}


def send_on_commit(analysis_id: UUID) -> None:
    transaction.on_commit(partial(send, analysis_id))


def send(analysis_id: UUID) -> None:
    """Tell the workers. A broker that cannot be reached loses nothing: the sweep sends again."""
    try:
        current_app.send_task(RUN_TASK, args=[str(analysis_id)], retry=False)
    except (KombuError, OSError) as unreachable:
        logger.warning("Analysis %s waits for the sweep: %s", analysis_id, unreachable)


def in_progress() -> Conflict:
    return Conflict("analysis_in_progress", "This scan is already waiting for a reading.")
