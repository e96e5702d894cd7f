"""Who the patient is."""

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
        settings.AUTH_USER_MODEL,
        through="CareTeamMember",
        through_fields=("patient", "user"),
        related_name="patients",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # What the reader may do in this file, and why; set by `access.patients_for`.
    access_level: int
    access_via: str

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
