"""A reading made into objects that others understand, and these on their way to other systems."""

from django.db import models

from dicom.models.job import Job
from dicom.models.peer import Peer
from inference.models import SeriesAnalysis
from scans.models import Instance


class Publication(Job):
    """One version of a reading as DICOM objects: 0 as it was read, then one for each review."""

    analysis = models.ForeignKey(
        SeriesAnalysis, on_delete=models.CASCADE, related_name="publications"
    )
    version = models.PositiveIntegerField(help_text="0, or that of the review.")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["analysis", "version"], name="publication_once")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="publication_due",
                condition=models.Q(status__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.analysis}, version {self.version}"


class Delivery(Job):
    """One object for one system: once, however often it is tried."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="deliveries")
    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="deliveries")

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["instance", "peer"], name="delivery_once_per_peer")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="delivery_due",
                condition=models.Q(status__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.instance} to {self.peer}"
