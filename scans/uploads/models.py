from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from patients.models import Patient
from scans.models import Scan
from scans.uploads import parts


def next_expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)


class ResumableUpload(models.Model):
    """A file that comes in parts (tus 1.0). Its bytes are in `parts`, under its id."""

    class State(models.TextChoices):
        RECEIVING = "receiving", "Receiving"
        FINISHED = "finished", "Finished"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="uploads")
    length = models.PositiveIntegerField(help_text="Bytes of the whole file.")
    offset = models.PositiveIntegerField(default=0, help_text="Bytes received.")
    metadata = models.TextField(blank=True, help_text="`Upload-Metadata` as the client sent it.")
    filename = models.CharField(max_length=255, blank=True)
    acquired_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=2000, blank=True)

    state = models.CharField(max_length=10, choices=State, default=State.RECEIVING)
    scan = models.ForeignKey(
        Scan, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    error_field = models.CharField(max_length=64, blank=True)
    error_status = models.PositiveSmallIntegerField(null=True, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=next_expiry, db_index=True)

    def __str__(self) -> str:
        return f"{self.filename or self.id}: {self.offset} of {self.length} bytes"

    @property
    def received(self) -> int:
        """Bytes that are durably stored; what a crash or a restored backup took is not."""
        if self.state != self.State.RECEIVING:
            return self.offset
        return min(self.offset, parts.size(self.id))

    @property
    def is_whole(self) -> bool:
        return self.state == self.State.RECEIVING and self.received == self.length

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


@receiver(post_delete, sender=ResumableUpload)
def remove_bytes(sender: type[ResumableUpload], instance: ResumableUpload, **_: object) -> None:
    transaction.on_commit(partial(parts.remove, instance.id))
