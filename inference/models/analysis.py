"""An analysis: one reading of one scan by one release."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from inference.models.run import Run
from patients.models import Change
from scans.models import Scan


class Picture(models.TextChoices):
    """The pictures that a reading draws; each is a file field of the same name."""

    MASK = "mask"
    OVERLAY = "overlay"
    HEATMAP = "heatmap"


def picture_path(analysis: "Analysis", filename: str) -> str:
    return f"{analysis.scan.folder}/analyses/{analysis.id}/{filename}"


class Analysis(Run):
    """One reading of one slice by one release."""

    TASK = "inference.run_analysis"
    CHANGE = Change.Kind.ANALYSIS
    THING = "scan"

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="analyses")
    mask = models.FileField(max_length=255, upload_to=picture_path, blank=True)
    overlay = models.FileField(max_length=255, upload_to=picture_path, blank=True)
    heatmap = models.FileField(max_length=255, upload_to=picture_path, blank=True)

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
    def patient_id(self) -> UUID:
        return self.scan.patient_id

    @property
    def pictures(self) -> dict[str, Any]:
        return {kind.value: getattr(self, kind.value) for kind in Picture}


@receiver(post_delete, sender=Analysis)
def remove_files(sender: type[Analysis], instance: Analysis, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    for stored in instance.pictures.values():
        if stored:
            transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
