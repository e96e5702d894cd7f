"""One slice that was uploaded on its own, from a phone or a workstation."""

from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from patients.models import Patient
from scans.models.study import Series, new_uid


def original_path(scan: "Scan", filename: str) -> str:
    """Store under ids only: nothing that a client sent becomes part of a path."""
    return f"{scan.folder}/original.{scan.format}"


def preview_path(scan: "Scan", filename: str) -> str:
    return f"{scan.folder}/preview.png"


class Scan(models.Model):
    """One uploaded slice. Its original is kept byte for byte and never changes."""

    class Format(models.TextChoices):
        PNG = "png", "PNG"
        JPEG = "jpeg", "JPEG"
        DICOM = "dicom", "DICOM"

    CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "dicom": "application/dicom"}

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="scans")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="scans")
    instance_uid = models.CharField("SOP instance UID", max_length=64, default=new_uid)
    instance_number = models.IntegerField(null=True, blank=True)

    original = models.FileField(max_length=255, upload_to=original_path)
    preview = models.FileField(max_length=255, upload_to=preview_path)
    original_name = models.CharField(max_length=255, blank=True)
    format = models.CharField(max_length=8, choices=Format)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()
    row_spacing_mm = models.FloatField(null=True, blank=True)
    column_spacing_mm = models.FloatField(null=True, blank=True)

    acquired_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=2000, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    # Whether the reader may learn from it who the patient is; set by `selectors.scan_for`.
    shows_name = True

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["patient", "-created_at", "-id"], name="scan_newest")]
        constraints = [
            models.UniqueConstraint(fields=["patient", "sha256"], name="scan_once_per_patient"),
            models.CheckConstraint(
                condition=models.Q(row_spacing_mm=None, column_spacing_mm=None)
                | models.Q(row_spacing_mm__gt=0, column_spacing_mm__gt=0),
                name="scan_spacing_real_or_absent",
            ),
        ]

    def __str__(self) -> str:
        return self.original_name or str(self.id)

    @property
    def folder(self) -> PurePosixPath:
        return scan_folder(self.patient_id, self.id)

    @property
    def content_type(self) -> str:
        return self.CONTENT_TYPES[self.format]

    @property
    def happened_at(self) -> datetime:
        """When the patient was scanned, as far as anybody said; else when it was uploaded."""
        return self.acquired_at or self.created_at


def scan_folder(patient_id: UUID, scan_id: UUID) -> PurePosixPath:
    return PurePosixPath("patients", str(patient_id), "scans", str(scan_id))


@receiver(post_delete, sender=Scan)
def remove_files(sender: type[Scan], instance: Scan, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    for stored in (instance.original, instance.preview):
        if stored:
            transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
