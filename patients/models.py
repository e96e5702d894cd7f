"""The patient's file: who the patient is, who cares for them, what happened."""

from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class Patient(models.Model):
    class Sex(models.TextChoices):
        """Administrative gender as FHIR R4 codes it."""

        FEMALE = "female", "Female"
        MALE = "male", "Male"
        OTHER = "other", "Other"
        UNKNOWN = "unknown", "Unknown"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    family_name = models.CharField(max_length=150)
    given_name = models.CharField(max_length=150, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=10, choices=Sex, default=Sex.UNKNOWN)
    record_number = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="The hospital's own number."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    care_team = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="CareTeamMember", related_name="patients"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["-created_at", "-id"], name="patient_newest")]

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.family_name, self.given_name]))

    def clean(self) -> None:
        if self.birth_date and self.birth_date > timezone.localdate():
            raise ValidationError(
                {"birth_date": ValidationError("Birth is in the future.", code="date_in_future")}
            )


class CareTeamMember(models.Model):
    """Who may see a patient's file. Its creator is the first member."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "user"], name="care_team_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.patient}"


class HistoryEntry(models.Model):
    """One thing that happened, as it was known when it was written.

    `data` is a copy, not a reference: what a doctor saw in the file stays in the file, whatever
    later becomes of the thing that it came from. Pictures are in it as addresses only: they go when
    a scan is removed from the file. `subject_id` names that thing, and the database
    keeps a second entry about the same thing out.
    """

    class Kind(models.TextChoices):
        READING = "reading", "Reading"

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
