"""What changed, for whoever keeps a copy of their patients' files."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Change(models.Model):
    """One change of one thing, for one person who may see it.

    A row is written for each reader in the transaction of the change itself: a feed that is read
    far more often than written to stays one index scan, however many patients there are.
    """

    class Kind(models.TextChoices):
        PATIENT = "patient"
        ENTRY = "entry"
        SCAN = "scan"
        ANALYSIS = "analysis"
        SERIES = "series"
        OPINION = "opinion"

    class Action(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        DELETED = "deleted", "deleted, or no longer to be seen"

    id = models.BigAutoField(primary_key=True)
    # In which order transactions began; ids alone are handed out before they commit.
    transaction = models.PositiveBigIntegerField(default=0)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    patient_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind)
    object_id = models.UUIDField()
    action = models.CharField(max_length=10, choices=Action)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("transaction", "id")
        indexes = [
            models.Index(fields=["user", "transaction", "id"], name="change_feed"),
            models.Index(fields=["user", "patient_id"], name="change_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.action}"
