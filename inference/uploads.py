"""How a file that came in parts becomes a scan."""

import logging

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from backend.api.errors import ApiError
from inference.services import keep_and_analyse
from scans.services import check_upload
from scans.uploads import parts, selectors, services
from scans.uploads.models import ResumableUpload

logger = logging.getLogger(__name__)


def settle(upload: ResumableUpload) -> ResumableUpload:
    """Make a scan of an upload that is whole and queue its analysis, or reject it.

    The scan, its analysis and the upload's end are written by one transaction. Several may try at
    once; those who come later find it done. Does nothing with an upload that is not whole.
    """
    if not upload.is_whole:
        return upload
    try:
        with parts.path(upload.id).open("rb") as opened:
            file = UploadedFile(opened, name=upload.filename or None, size=upload.length)
            checked = check_upload(file)  # seconds: before the transaction
    except FileNotFoundError:  # somebody else was faster
        upload.refresh_from_db()
        return upload
    except ApiError as invalid:
        return reject(upload, invalid)
    try:
        with transaction.atomic():
            upload = services.locked(upload)
            if upload.is_whole:
                analysis = keep_and_analyse(
                    user=upload.user,
                    patient=upload.patient,
                    upload=checked,
                    acquired_at=upload.acquired_at,
                    note=upload.note,
                )
                services.finish(upload, analysis.scan)
    except ApiError as refused:
        return reject(upload, refused)
    return upload


@transaction.atomic
def reject(upload: ResumableUpload, reason: ApiError) -> ResumableUpload:
    upload = services.locked(upload)
    if upload.is_whole:
        services.reject(upload, reason)
    return upload


def settle_left() -> None:
    """Settle what a process had taken to the last byte when it died."""
    for upload in selectors.left_whole():
        try:
            settle(upload)
        except Exception:  # one upload must not stand in the way of the others
            logger.exception("Upload %s cannot be settled yet", upload.id)
