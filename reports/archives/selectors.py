"""Archives that a caller may see: those of files that they own, as long as they last."""

from uuid import UUID

from django.utils import timezone

from reports.models import Archive


def unexpired(archive_id: UUID) -> Archive:
    """Return an archive. Whose file it is, and who may have it, is for the caller to ask.

    Raises:
        Archive.DoesNotExist: also when it has expired and waits to be removed.
    """
    return Archive.objects.get(pk=archive_id, expires_at__gt=timezone.now())
