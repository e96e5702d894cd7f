"""One DICOM object, or one volume in a file, as it was sent."""

from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from scans.models.study import Series


def instance_path(instance: "Instance", filename: str) -> str:
    """Store under ids only: nothing that anybody sent becomes part of a path.

    `filename` is a suffix of ours.
    """
    study = instance.series.study
    return f"patients/{study.patient_id}/studies/{study.id}/{instance.id}{filename}"


class Instance(models.Model):
    """A composite object of a series, kept byte for byte."""

    class Format(models.TextChoices):
        DICOM = "dicom", "DICOM"
        NIFTI = "nifti", "NIfTI"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="instances")
    uid = models.CharField("SOP instance UID", max_length=64)
    sop_class_uid = models.CharField("SOP class UID", max_length=64, blank=True)
    transfer_syntax_uid = models.CharField("transfer syntax UID", max_length=64, blank=True)
    number = models.IntegerField(null=True, blank=True)
    frames = models.PositiveIntegerField(default=1)
    rows = models.PositiveIntegerField(null=True, blank=True, help_text="Null: not an image.")
    columns = models.PositiveIntegerField(null=True, blank=True)
    # Where its frames lie in the patient: {"spacing_mm": [row, column], "thickness_mm",
    # "between_mm", "frames": [[position (3), orientation (6)], ...]} in millimetres, DICOM's
    # patient coordinates (PS3.3, C.7.6.2); see `scans.series.frames`.
    geometry = models.JSONField(null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True, help_text="How its image was made.")

    file = models.FileField(max_length=255, upload_to=instance_path)
    format = models.CharField(max_length=8, choices=Format, default=Format.DICOM)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    source = models.CharField(max_length=100, blank=True, help_text="Who sent it.")
    # The system that sent it, where an admin has made that known: a key of `dicom.Peer`, which
    # lies above. Names change, and are given twice.
    sender_id = models.UUIDField(null=True, blank=True, editable=False)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("number", "uid")
        constraints = [
            models.UniqueConstraint(fields=["series", "uid"], name="instance_once_per_series")
        ]
        indexes = [models.Index(fields=["uid"], name="instance_uid")]

    def __str__(self) -> str:
        return self.uid


@receiver(post_delete, sender=Instance)
def remove_file(sender: type[Instance], instance: Instance, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    if instance.file:
        stored = instance.file
        transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
