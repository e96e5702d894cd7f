"""Asking for an archive, building it, and taking it away again.

Every change of state is a compare-and-set on the row: a message may come twice or never, a worker
may die, and the sweep brings back what got lost.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from celery import current_app
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import KombuError

from accounts.models import User
from audit.services import record
from backend.api.errors import Forbidden
from patients.access import Level, patient_for
from patients.models import Patient
from reports.archives.package import write_package
from reports.models import Archive, archive_path

logger = logging.getLogger(__name__)

BUILD_TASK = "reports.build_archive"
MAX_ATTEMPTS = 3
Status = Archive.Status


def request_archive(*, user: User, patient: Patient) -> Archive:
    """Ask for the whole file as one archive; asking again while it is built changes nothing."""
    try:
        with transaction.atomic():
            archive = Archive.objects.create(
                patient=patient, requested_by=user, due_at=resend_at(), expires_at=expiry()
            )
            transaction.on_commit(partial(send, archive.pk))
            return archive
    except IntegrityError:
        return Archive.objects.get(patient=patient, requested_by=user, status__in=Archive.ACTIVE)


def build(archive_id: UUID) -> None:
    """Build a queued archive, as its requester may see the file now."""
    archive = claim(archive_id)
    if archive is None:
        return  # done, expired, or in other hands
    user = archive.requested_by
    try:
        patient = patient_for(user, archive.patient_id, level=Level.OWNER)
    except (Patient.DoesNotExist, Forbidden):  # no longer theirs to take away
        settle(archive, status=Status.FAILED, finished_at=timezone.now())
        return
    try:
        name = archive_path(archive, "")
        path = Path(default_storage.path(name))
        path.parent.mkdir(
            mode=settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS, parents=True, exist_ok=True
        )
        path.touch(mode=settings.FILE_UPLOAD_PERMISSIONS)
        try:
            with path.open("r+b") as out:
                write_package(out, user=user, patient=patient, made_at=archive.created_at)
            finish(archive, name, path)
        finally:
            remove_unless_used(archive, name)
    except Exception:
        logger.exception("Archive %s, attempt %d", archive.pk, archive.attempts)
        give_back(archive)


def claim(archive_id: UUID) -> Archive | None:
    """Take a queued archive; None when there is nothing to take."""
    run_id = uuid4()
    taken = Archive.objects.filter(pk=archive_id, status=Status.QUEUED).update(
        status=Status.BUILDING,
        run_id=run_id,
        attempts=F("attempts") + 1,
        due_at=timezone.now() + timedelta(seconds=settings.ARCHIVE_TIME_LIMIT_S + 30),
    )
    if not taken:
        return None
    return Archive.objects.select_related("requested_by").get(pk=archive_id)


def finish(archive: Archive, name: str, path: Path) -> None:
    with path.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    settle(
        archive,
        status=Status.READY,
        file=name,
        size_bytes=path.stat().st_size,
        sha256=sha256,
        finished_at=timezone.now(),
        expires_at=expiry(),
    )


def give_back(archive: Archive) -> None:
    """Try again at the next sweep; after the last attempt it has failed."""
    if archive.attempts >= MAX_ATTEMPTS:
        settle(archive, status=Status.FAILED, finished_at=timezone.now())
    else:
        settle(archive, status=Status.QUEUED, due_at=timezone.now())


def settle(archive: Archive, **fields: object) -> bool:
    """Change the row if this run still owns it; say whether it did."""
    owned = Archive.objects.filter(pk=archive.pk, status=Status.BUILDING, run_id=archive.run_id)
    return bool(owned.update(**fields))


def remove_unless_used(archive: Archive, name: str) -> None:
    if not Archive.objects.filter(pk=archive.pk, file=name).exists():
        default_storage.delete(name)


def sweep() -> None:
    """Bring back archives whose message or worker got lost; remove those that have expired."""
    now = timezone.now()
    for archive in Archive.objects.filter(expires_at__lte=now).exclude(status__in=Archive.ACTIVE):
        archive.delete()
        record(
            user=None,
            action="archive.expire",
            patient_id=archive.patient_id,
            subject=("archive", archive.pk),
        )
    due = Archive.objects.filter(status__in=Archive.ACTIVE, due_at__lte=now)
    for archive in due.order_by("due_at")[:100]:
        if archive.status == Status.BUILDING:  # its worker died or hangs
            default_storage.delete(archive_path(archive, ""))
            give_back(archive)
        still = Archive.objects.filter(pk=archive.pk, status=Status.QUEUED)
        if still.update(due_at=resend_at()):
            send(archive.pk)


def send(archive_id: UUID) -> None:
    """Tell the workers. A broker that cannot be reached loses nothing: the sweep sends again."""
    try:
        current_app.send_task(BUILD_TASK, args=[str(archive_id)], retry=False)
    except (KombuError, OSError) as unreachable:
        logger.warning("Archive %s waits for the sweep: %s", archive_id, unreachable)


def resend_at() -> datetime:
    return timezone.now() + timedelta(seconds=settings.ARCHIVE_SWEEP_INTERVAL_S)


def expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.ARCHIVE_HOURS)
