"""Who the patient is."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from patients.search import digest, fold

EARLIEST_YEAR = 1880
OLDEST_YEARS = 130


class Patient(models.Model):
    class Sex(models.TextChoices):
        """Administrative gender as FHIR R4 codes it."""

        FEMALE = "female", "Female"
        MALE = "male", "Male"
        OTHER = "other", "Other"
        UNKNOWN = "unknown", "Unknown"

    class Handedness(models.TextChoices):
        """Which side speech most likely stands on: what a surgeon asks first."""

        RIGHT = "right", "Right"
        LEFT = "left", "Left"
        BOTH = "both", "Both"
        UNKNOWN = "unknown", "Unknown"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    family_name = models.CharField(max_length=150)
    given_name = models.CharField(max_length=150, blank=True)
    family_name_arabic = models.CharField(max_length=150, blank=True)
    given_name_arabic = models.CharField(max_length=150, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    age_years = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Where the birth date is unknown: the age when noted."
    )
    age_noted_on = models.DateField(null=True, blank=True, editable=False)
    sex = models.CharField(max_length=10, choices=Sex, default=Sex.UNKNOWN)
    handedness = models.CharField(max_length=10, choices=Handedness, default=Handedness.UNKNOWN)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    address = models.TextField(max_length=500, blank=True)
    emergency_contact_name = models.CharField(max_length=150, blank=True)
    emergency_contact_relation = models.CharField(max_length=60, blank=True)
    emergency_contact_phone = models.CharField(max_length=40, blank=True)
    notes = models.TextField(max_length=5000, blank=True)

    # For comparing and finding, made of the above and the identifiers by `services.index`.
    name_key = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    arabic_name_key = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    search_text = models.TextField(blank=True, editable=False)

    merged_into = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="absorbed", editable=False
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
    access_since: datetime

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["-created_at", "-id"], name="patient_newest")]

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.family_name, self.given_name]))

    @property
    def age(self) -> int | None:
        """Years of age today; None where nobody knows."""
        today = timezone.localdate()
        if self.birth_date:
            had_birthday = (today.month, today.day) >= (self.birth_date.month, self.birth_date.day)
            return today.year - self.birth_date.year - (not had_birthday)
        if self.age_years is not None and self.age_noted_on:
            return self.age_years + (today - self.age_noted_on).days // 365
        return None

    def clean(self) -> None:
        if self.birth_date and self.birth_date > timezone.localdate():
            raise ValidationError(
                {"birth_date": ValidationError("Birth is in the future.", code="date_in_future")}
            )
        if self.birth_date and self.birth_date.year < EARLIEST_YEAR:
            message = f"Nobody here was born before {EARLIEST_YEAR}."
            raise ValidationError({"birth_date": ValidationError(message, code="date_too_early")})
        if self.birth_date and self.age_years is not None:
            message = "Give an age only where the birth date is unknown."
            raise ValidationError({"age_years": ValidationError(message, code="birth_date_known")})
        if self.age_years is not None and self.age_years > OLDEST_YEARS:
            message = f"An age is at most {OLDEST_YEARS} years."
            raise ValidationError({"age_years": ValidationError(message, code="max_value")})


class PatientIdentifier(models.Model):
    """A number that somebody gave the patient. An issuer gives a number to one patient only."""

    class Kind(models.TextChoices):
        MEDICAL_RECORD = "medical_record", "Hospital number"
        NATIONAL_ID = "national_id", "National id"
        INSURANCE = "insurance", "Insurance number"
        OTHER = "other", "Other"

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.MEDICAL_RECORD)
    issuer = models.CharField(
        max_length=150, help_text="Who gave the number: a hospital, a state, or their OID or URI."
    )
    value = models.CharField(max_length=64)
    # `H 17` and `h  17` are the same number.
    key = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.value} ({self.issuer})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = identifier_key(self.issuer, self.value)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        others = PatientIdentifier.objects.exclude(pk=self.pk)
        if others.filter(key=identifier_key(self.issuer, self.value)).exists():
            message = "Another patient has this number from this issuer."
            raise ValidationError({"value": ValidationError(message, code="identifier_taken")})


def identifier_key(issuer: str, value: str) -> str:
    """Equal for identifiers that differ in case, accents and spaces only."""
    return digest(f"{fold(issuer)}\n{fold(value)}")


def name_key(*names: str) -> str:
    """Equal for names of the same words in any order; empty for no name at all."""
    words = sorted(fold(" ".join(names)).split())
    return digest(" ".join(words)) if words else ""


class PatientMerge(models.Model):
    """One file taken up by another, with every change that this made, so that it can be undone."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kept = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="merges")
    absorbed = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=500)
    # [model label, primary key, field, value before, value after] of every row that changed.
    moves = models.JSONField(default=list)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-merged_at", "-id")

    def __str__(self) -> str:
        return f"{self.absorbed} into {self.kept}"
