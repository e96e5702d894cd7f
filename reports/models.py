"""Archives of files, and what keeps a file from being erased."""

from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from patients.models import Patient


def archive_path(archive: "Archive", filename: str) -> str:
    """A name for each run: one that was given up on writes over nobody's work."""
    return f"patients/{archive.patient_id}/archives/{archive.pk}-{archive.run_id}.zip"


class Archive(models.Model):
    """A patient's whole file as one ZIP, for a while.

    The row is the truth about the job, as an analysis's is: a run owns it through `run_id`.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        BUILDING = "building", "Building"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    ACTIVE = (Status.QUEUED, Status.BUILDING)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="archives")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    run_id = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(
        default=timezone.now, help_text="When the sweep must act: its message or worker is lost."
    )
    file = models.FileField(max_length=255, upload_to=archive_path, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "requested_by"],
                name="archive_one_at_a_time",
                condition=models.Q(status__in=["queued", "building"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} {self.created_at:%Y-%m-%d %H:%M}"


class LegalHold(models.Model):
    """Why a file must be kept: the database itself lets nobody delete a patient who has one."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="legal_holds")
    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-placed_at", "-id")

    def __str__(self) -> str:
        return self.reason


@receiver(post_delete, sender=Archive)
def remove_file(sender: type[Archive], instance: Archive, **_: object) -> None:
    """The file goes when the row is really gone, as a scan's do."""
    if instance.file:
        transaction.on_commit(partial(instance.file.storage.delete, str(instance.file.name)))
