from uuid import UUID

from django.db.models import F

from accounts.models import User
from scans.uploads.models import ResumableUpload


def upload_for(user: User, upload_id: UUID) -> ResumableUpload:
    """Return one upload. Whether the user may still write to the file is for the caller to ask.

    Raises:
        ResumableUpload.DoesNotExist: also when it is somebody else's.
    """
    return ResumableUpload.objects.select_related("user").get(pk=upload_id, user=user)


def left_whole() -> list[ResumableUpload]:
    """Uploads that have all their bytes and that nobody has made a scan of yet."""
    received = ResumableUpload.objects.filter(
        state=ResumableUpload.State.RECEIVING, offset=F("length")
    )
    return [upload for upload in received if upload.is_whole]
