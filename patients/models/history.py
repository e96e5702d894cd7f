"""What happened to a patient."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from patients.models.patient import Patient


class HistoryEntry(models.Model):
    """One thing that happened, as it was known when it was written.

    `data` is a copy, not a reference: what a doctor saw in the file stays in the file, whatever
    later becomes of the thing that it came from. Pictures are in it as addresses only: they go when
    a scan is removed from the file. `subject_id` names that thing, and the database
    keeps a second entry about the same thing out.
    """

    class Kind(models.TextChoices):
        READING = "reading", "Reading"
        OPINION = "opinion", "Second opinion"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="history")
    kind = models.CharField(max_length=20, choices=Kind)
    subject_id = models.UUIDField()
    title = models.CharField(max_length=200)
    data = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    occurred_at = models.DateTimeField(help_text="When it happened, not when it was written.")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-occurred_at", "-id")
        verbose_name_plural = "history entries"
        indexes = [models.Index(fields=["patient", "-occurred_at", "-id"], name="history_timeline")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="history_entry_once")
        ]

    def __str__(self) -> str:
        return f"{self.occurred_at:%Y-%m-%d} {self.title}"
