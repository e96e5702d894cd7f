"""Everything that changes uploads but their end: `inference.uploads` makes scans of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from backend.api.errors import ApiError, TooLarge
from backend.api.text import display_name
from patients.models import Patient
from scans.models import Scan
from scans.services import check_date
from scans.uploads import parts
from scans.uploads.models import ResumableUpload, next_expiry
from scans.uploads.protocol import Checksum, OffsetMismatch


def begin(
    *,
    user: User,
    patient: Patient,
    length: int,
    metadata: str = "",
    filename: str = "",
    acquired_at: datetime | None = None,
    note: str = "",
) -> ResumableUpload:
    """Announce a file of `length` bytes.

    Raises:
        TooLarge: `file_too_large`.
        ApiError: `empty_file`, `date_in_future`.
    """
    if not length:
        raise ApiError("empty_file", "The file is empty.", field="Upload-Length")
    if length > settings.MAX_UPLOAD_BYTES:
        message = f"The file is larger than {settings.MAX_UPLOAD_MB} MB."
        raise TooLarge("file_too_large", message, field="Upload-Length")
    if acquired_at is not None:
        check_date(acquired_at, patient)
    return ResumableUpload.objects.create(
        user=user,
        patient=patient,
        length=length,
        metadata=metadata,
        filename=display_name(filename),
        acquired_at=acquired_at,
        note=note,
    )


@transaction.atomic
def append(
    *,
    upload: ResumableUpload,
    offset: int,
    chunks: Iterable[bytes],
    checksum: Checksum | None = None,
) -> ResumableUpload:
    """Add a part. Of two that come at once one waits, and then finds the offset moved.

    Raises:
        ResumableUpload.DoesNotExist: it was removed meanwhile.
        OffsetMismatch: `offset` is not where the next part begins.
        TooLong, ChecksumMismatch: as `parts.append`.
    """
    upload = locked(upload)
    received = upload.received
    if offset != received:
        raise OffsetMismatch(received)
    if upload.state != ResumableUpload.State.RECEIVING:
        return upload
    upload.offset = parts.append(
        upload.id, chunks, offset=offset, length=upload.length, checksum=checksum
    )
    upload.expires_at = next_expiry()
    upload.save()
    return upload


def locked(upload: ResumableUpload) -> ResumableUpload:
    """Return the upload as it is now, and nobody else's until the transaction ends."""
    found = ResumableUpload.objects.select_for_update(of=("self",))
    return found.select_related("user", "patient").get(pk=upload.pk)


def finish(upload: ResumableUpload, scan: Scan) -> None:
    """Name the scan that the upload became. Its bytes are the scan's now."""
    upload.state = ResumableUpload.State.FINISHED
    upload.scan = scan
    end(upload)


def reject(upload: ResumableUpload, reason: ApiError) -> None:
    """Say for good why the file will not become a scan; which one it already is, if that is why."""
    upload.state = ResumableUpload.State.REJECTED
    upload.error_code, upload.error_message = reason.code, reason.message
    upload.error_field, upload.error_status = reason.field or "", reason.status_code
    if "scan" in reason.details:
        upload.scan = Scan.objects.get(pk=str(reason.details["scan"]))
    end(upload)


def end(upload: ResumableUpload) -> None:
    upload.expires_at = next_expiry()
    upload.save()
    transaction.on_commit(lambda: parts.remove(upload.id))


@transaction.atomic
def terminate(*, upload: ResumableUpload) -> None:
    """Forget an upload; the scan that it may have become stays."""
    locked(upload).delete()


def expire() -> None:
    """Remove uploads that have waited too long, and bytes that have no upload any more."""
    for upload in ResumableUpload.objects.filter(expires_at__lte=timezone.now()):
        with transaction.atomic():
            stale = ResumableUpload.objects.select_for_update().filter(pk=upload.pk).first()
            if stale is not None and stale.has_expired:
                stale.delete()
    before = timezone.now() - timedelta(hours=settings.UPLOAD_HOURS)
    for upload_id in parts.untouched_since(before):
        if not ResumableUpload.objects.filter(pk=upload_id).exists():
            parts.remove(upload_id)
