"""What happened to a patient, as it was known, and as it had been known before."""

from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from patients.models.patient import Patient


class Status(models.TextChoices):
    CURRENT = "current", "Current"
    ENTERED_IN_ERROR = "entered_in_error", "Entered in error"


class Precision(models.TextChoices):
    """How exactly it is known when something happened."""

    YEAR = "year", "Year"
    MONTH = "month", "Month"
    DAY = "day", "Day"
    TIME = "time", "Time"


class Statement(models.Model):
    """What an entry says. `data` has the shape of the entry's kind (`patients.history.kinds`)."""

    title = models.CharField(max_length=200)
    data = models.JSONField()
    occurred_at = models.DateTimeField(
        help_text="When it happened, not when it was written; the beginning of the day, month or "
        "year where no more is known."
    )
    precision = models.CharField(max_length=5, choices=Precision, default=Precision.TIME)
    status = models.CharField(max_length=16, choices=Status, default=Status.CURRENT)
    version = models.PositiveIntegerField(default=1)

    STATED = ("title", "data", "occurred_at", "precision", "status", "version")

    class Meta:
        abstract = True


class HistoryEntry(Statement):
    """One thing that happened, as it is known now.

    `data` is a copy, not a reference: what a doctor saw in the file stays in the file, whatever
    later becomes of the thing that it came from. Pictures and files are in it as addresses only.
    `subject_id` names what the system wrote the entry about, and the database keeps a second entry
    about the same thing out; entries that people write are about nothing else.
    """

    class Kind(models.TextChoices):
        CONDITION = "condition", "Condition"
        ALLERGY = "allergy", "Allergy"
        MEDICATION = "medication", "Medication"
        PROCEDURE = "procedure", "Procedure"
        FAMILY_HISTORY = "family_history", "Family history"
        SYMPTOM = "symptom", "Symptom"
        NOTE = "note", "Note"
        VITALS = "vitals", "Vitals"
        LABORATORY = "laboratory", "Laboratory"
        PATHOLOGY = "pathology", "Pathology"
        ATTACHMENT = "attachment", "Attachment"
        READING = "reading", "Reading"
        OPINION = "opinion", "Second opinion"

    Status = Status

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="history")
    kind = models.CharField(max_length=20, choices=Kind)
    subject_id = models.UUIDField(null=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    search_text = models.TextField(
        blank=True, default="", editable=False, help_text="Folded for searching."
    )
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-occurred_at", "-id")
        verbose_name_plural = "history entries"
        indexes = [models.Index(fields=["patient", "-occurred_at", "-id"], name="history_timeline")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="history_entry_once")
        ]

    def __str__(self) -> str:
        return f"{self.occurred_at:%Y-%m-%d} {self.title}"


class HistoryVersion(Statement):
    """What an entry said from `at` on, and who had it say so. Written once, never changed."""

    entry = models.ForeignKey(HistoryEntry, on_delete=models.CASCADE, related_name="versions")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-version",)
        constraints = [
            models.UniqueConstraint(fields=["entry", "version"], name="history_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.title}"


def attachment_path(attachment: "Attachment", filename: str) -> str:
    """Store under ids only: nothing that a client sent becomes part of a path."""
    entry = attachment.entry
    return f"patients/{entry.patient_id}/attachments/{entry.id}/original.{attachment.format}"


class Attachment(models.Model):
    """The file of an entry. Kept byte for byte; what is known of it is in the entry's data."""

    class Format(models.TextChoices):
        PDF = "pdf", "PDF"
        PNG = "png", "PNG"
        JPEG = "jpeg", "JPEG"

    CONTENT_TYPES = {"pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg"}

    entry = models.OneToOneField(HistoryEntry, on_delete=models.CASCADE, primary_key=True)
    file = models.FileField(max_length=255, upload_to=attachment_path)
    format = models.CharField(max_length=4, choices=Format)
    sha256 = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return str(self.entry)

    @property
    def content_type(self) -> str:
        return self.CONTENT_TYPES[self.format]


@receiver(post_delete, sender=Attachment)
def remove_file(sender: type[Attachment], instance: Attachment, **_: object) -> None:
    """The file goes when the row is really gone, not when a transaction that may fail says so."""
    transaction.on_commit(partial(instance.file.storage.delete, str(instance.file.name)))
