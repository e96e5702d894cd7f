"""A reading of a whole series, slice by slice, and what doctors decide about it."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from inference.models.run import Label, Run
from patients.models import Change
from scans.models import Series


def series_path(analysis: "SeriesAnalysis", filename: str) -> str:
    study = analysis.series.study
    folder = f"patients/{study.patient_id}/studies/{study.id}"
    return f"{folder}/readings/{analysis.id}/{filename}"


class SeriesAnalysis(Run):
    """One reading of one series by one release.

    measurements: the engine's `SeriesMeasurements`: {volume_ml | null, tumor_slices,
    largest_slice (index or null), key_slice (which the pictures show), and of the largest slice
    what `Measurements` of a slice has, else nulls}. slices: one for each slice, in the order of
    the geometry: {index, instance (UID), frame (from 1), position_mm | null, accepted, label,
    probabilities, possible_labels, area_px, area_mm2 | null, reasons}.
    """

    TASK = "inference.run_series_analysis"
    CHANGE = Change.Kind.SERIES
    THING = "series"

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="analyses")
    slices = models.JSONField(default=list, blank=True)
    slices_done = models.PositiveIntegerField(default=0)
    slices_total = models.PositiveIntegerField(default=0)
    masks = models.FileField(
        max_length=255,
        upload_to=series_path,
        blank=True,
        help_text="npz: `masks`, bool (slices, rows, columns) packed along the last axis.",
    )
    overlay = models.FileField(
        max_length=255, upload_to=series_path, blank=True, help_text="The largest slice."
    )
    heatmap = models.FileField(
        max_length=255, upload_to=series_path, blank=True, help_text="Of the same slice."
    )

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "series analyses"
        indexes = [
            models.Index(fields=["series", "-created_at", "-id"], name="series_analysis_newest"),
            models.Index(
                fields=["due_at"],
                name="series_analysis_due",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["series"],
                name="analysis_one_active_per_series",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display() or self.get_status_display()} ({self.series})"

    @property
    def patient_id(self) -> UUID:
        return self.series.study.patient_id

    @property
    def changed_id(self) -> UUID:
        return self.series_id

    @property
    def files(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("masks", "overlay", "heatmap")}


class SeriesReview(models.Model):
    """A doctor's whole answer about a reading of a series; the newest counts."""

    class Decision(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        CORRECTED = "corrected", "Corrected"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    analysis = models.ForeignKey(SeriesAnalysis, on_delete=models.CASCADE, related_name="reviews")
    version = models.PositiveIntegerField()
    decision = models.CharField(max_length=10, choices=Decision)
    label = models.CharField(max_length=12, choices=Label, blank=True)
    comment = models.TextField(max_length=5000, blank=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-version",)
        constraints = [
            models.UniqueConstraint(fields=["analysis", "version"], name="series_review_in_order")
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()}, version {self.version}"


@receiver(post_delete, sender=SeriesAnalysis)
def remove_files(sender: type[SeriesAnalysis], instance: SeriesAnalysis, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    for stored in instance.files.values():
        if stored:
            transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
