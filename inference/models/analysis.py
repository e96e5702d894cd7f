"""An analysis: one reading of one scan by one release, and how far it has got."""

from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from scans.models import Scan


class Label(models.TextChoices):
    GLIOMA = "glioma", "Glioma"
    MENINGIOMA = "meningioma", "Meningioma"
    PITUITARY = "pituitary", "Pituitary tumour"
    NO_TUMOR = "no_tumor", "No tumour found"


class Picture(models.TextChoices):
    """The pictures that a reading draws; each is a file field of the same name."""

    MASK = "mask"
    OVERLAY = "overlay"
    HEATMAP = "heatmap"


def picture_path(analysis: "Analysis", filename: str) -> str:
    return f"{analysis.scan.folder}/analyses/{analysis.id}/{filename}"


class Analysis(models.Model):
    """The row is the truth about the job; whatever a broker says or forgets, this holds.

    `queued` -> `running` -> `done`, `rejected` (not a picture we read) or `failed`; a queued one
    may be `cancelled`. A run owns the row through `run_id`: whoever finishes must still hold it.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="analyses")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    run_id = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    sends = models.PositiveSmallIntegerField(default=0, help_text="Since it was last queued.")
    due_at = models.DateTimeField(
        default=timezone.now,
        help_text="When the sweep must act if it is still active: its message or worker is lost.",
    )

    label = models.CharField(max_length=12, choices=Label, blank=True)
    probabilities = models.JSONField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    measurements = models.JSONField(null=True, blank=True)
    elapsed_ms = models.JSONField(null=True, blank=True)
    release = models.CharField(max_length=64, blank=True)
    mask = models.FileField(max_length=255, upload_to=picture_path, blank=True)
    overlay = models.FileField(max_length=255, upload_to=picture_path, blank=True)
    heatmap = models.FileField(max_length=255, upload_to=picture_path, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "analyses"
        indexes = [
            models.Index(fields=["scan", "-created_at", "-id"], name="analysis_newest"),
            models.Index(
                fields=["due_at"],
                name="analysis_due",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["scan"],
                name="analysis_one_active_per_scan",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display() or self.get_status_display()} ({self.scan})"

    @property
    def pictures(self) -> dict[str, Any]:
        return {kind.value: getattr(self, kind.value) for kind in Picture}


@receiver(post_delete, sender=Analysis)
def remove_files(sender: type[Analysis], instance: Analysis, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    for stored in instance.pictures.values():
        if stored:
            transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
