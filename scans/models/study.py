"""Studies and their series (PS3.3, section A.1.2), each under one patient's file."""

from uuid import uuid4

from django.db import models

from patients.models import Patient


def new_uid() -> str:
    """Return a fresh DICOM unique identifier made of a UUID (PS3.5, annex B.2)."""
    return f"2.25.{uuid4().int}"


class Study(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="studies")
    uid = models.CharField("study instance UID", max_length=64, default=new_uid)
    accession_number = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = [
            models.UniqueConstraint(fields=["patient", "uid"], name="study_once_per_patient")
        ]
        indexes = [models.Index(fields=["uid"], name="study_uid")]

    def __str__(self) -> str:
        return self.description or self.uid


class Series(models.Model):
    """Slices of one acquisition, or what was made of them.

    A picture that was uploaded on its own is a `Scan` in a series of its own; everything else is
    the series' instances.
    """

    class Plane(models.TextChoices):
        AXIAL = "axial", "Axial"
        CORONAL = "coronal", "Coronal"
        SAGITTAL = "sagittal", "Sagittal"
        OBLIQUE = "oblique", "Oblique"
        MIXED = "mixed", "Mixed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="series")
    uid = models.CharField("series instance UID", max_length=64, default=new_uid)
    number = models.IntegerField(null=True, blank=True)
    modality = models.CharField(max_length=16, default="MR")
    description = models.CharField(max_length=64, blank=True)
    body_part = models.CharField(max_length=16, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)

    # Made of all its instances' headers whenever some have come; see `scans.series`.
    plane = models.CharField(max_length=10, choices=Plane, blank=True)
    facts = models.JSONField(default=dict, blank=True, help_text="What the headers say of it.")
    problems = models.JSONField(
        default=list, blank=True, help_text="[{code, message}]: gaps, mixed orientations, ..."
    )
    worth_reading = models.BooleanField(default=False, help_text="As the headers have it.")
    worth_reason = models.CharField(max_length=200, blank=True)
    chosen = models.BooleanField(
        null=True, blank=True, help_text="A doctor's word on whether to read it; null: none."
    )

    ours = models.BooleanField(default=False, help_text="Made here of a reading; never read.")
    received_at = models.DateTimeField(null=True, blank=True, help_text="When the last one came.")
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When nothing more was expected; null: still coming."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.UniqueConstraint(fields=["study", "uid"], name="series_once_per_study")
        ]
        indexes = [
            models.Index(fields=["uid"], name="series_uid"),
            models.Index(
                fields=["received_at"],
                name="series_still_coming",
                condition=models.Q(settled_at=None, received_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.uid
