"""Servers that want our reports, and each report on its way to one of them."""

from uuid import uuid4

from django.db import models
from django.utils import timezone

from dicom.models.job import Job
from dicom.secrets import secret_name
from inference.models import Analysis, SeriesAnalysis
from patients.models import Patient


class Subscriber(models.Model):
    """A FHIR server that gets finished reports. Nothing from before it was entered is sent."""

    class Patients(models.TextChoices):
        OURS = "ours", "Sent by us, under our ids"
        THEIRS = "theirs", "Their own, found by identifier"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    base_url = models.URLField("base address", help_text="E.g. https://server/fhir/R4")
    secret = models.CharField(
        max_length=100,
        blank=True,
        validators=[secret_name],
        help_text="Name of the environment variable (PEER_...) that holds the bearer token.",
    )
    active = models.BooleanField(default=True)
    issuer = models.CharField(
        max_length=150,
        blank=True,
        help_text="Only patients with a number of this issuer; empty: all.",
    )
    preliminary = models.BooleanField(
        default=False, help_text="Also readings that no doctor has reviewed yet."
    )
    patients = models.CharField(
        max_length=10,
        choices=Patients,
        default=Patients.OURS,
        help_text="Where the server keeps its own patients, ours must not overwrite them.",
    )
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(patients="ours") | ~models.Q(issuer=""),
                name="subscriber_finds_by_issuer",
                violation_error_message="Patients are found by whose numbers? Name the issuer.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Push(Job):
    """A report for a server. A report that changes is sent again: the same row waits anew."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="pushes")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    analysis = models.ForeignKey(
        Analysis, null=True, on_delete=models.CASCADE, related_name="pushes"
    )
    series_analysis = models.ForeignKey(
        SeriesAnalysis, null=True, on_delete=models.CASCADE, related_name="pushes"
    )
    changed_at = models.DateTimeField(help_text="Of the report as it is to be sent.")

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "pushes"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "analysis"], name="push_slice_once"),
            models.UniqueConstraint(
                fields=["subscriber", "series_analysis"], name="push_series_once"
            ),
            models.CheckConstraint(
                condition=models.Q(analysis=None, series_analysis__isnull=False)
                | models.Q(analysis__isnull=False, series_analysis=None),
                name="push_of_one_report",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="push_due",
                condition=models.Q(status__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.report} to {self.subscriber}"

    @property
    def report(self) -> Analysis | SeriesAnalysis:
        found = self.analysis or self.series_analysis
        assert found is not None  # noqa: S101 - a constraint says so
        return found
