"""Who did what to which patient's data, from where, and why they could."""

from typing import Any, NoReturn
from uuid import uuid4

from django.db import models
from django.utils import timezone


class Why(models.TextChoices):
    """What opened the file to the caller."""

    TEAM = "team", "Care team"
    SHARE = "share", "Shared with them"
    EMERGENCY = "emergency", "Emergency access"
    ADMIN = "admin", "Administration"
    OPINION = "opinion", "Asked for an opinion"
    SYSTEM = "system", "A number of the system's issuer"


class Kept(TypeError):
    """The audit is written once: neither changed nor deleted."""


class EventQuerySet(models.QuerySet["Event"]):
    """Adds and reads. Sealing and purging, in services, go around it on purpose."""

    def update(self, **changes: Any) -> NoReturn:
        raise Kept("Events of the audit are not changed.")

    def delete(self) -> NoReturn:
        raise Kept("Events of the audit are not deleted.")

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        raise Kept("Events of the audit are not changed.")


class Event(models.Model):
    """One access. Nothing here refers to another table: what it names may go, the event stays.

    `sequence` and `hash` are empty until the event is sealed into the chain.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now)
    user_id = models.UUIDField("user's id", null=True)
    user_label = models.CharField("user", max_length=255, blank=True)
    role = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=64, blank=True)
    device = models.CharField(max_length=255, blank=True, help_text="What the client says it is.")
    session = models.CharField(
        max_length=16, blank=True, help_text="The same for all requests of one sign-in."
    )
    method = models.CharField(max_length=10, blank=True)
    route = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=64)
    patient_id = models.UUIDField("patient", null=True)
    subject_kind = models.CharField("subject", max_length=40, blank=True)
    subject_id = models.UUIDField("subject's id", null=True)
    why = models.CharField(max_length=10, choices=Why, blank=True)
    details = models.JSONField(default=dict, blank=True)

    sequence = models.BigIntegerField(null=True, unique=True, editable=False)
    hash = models.CharField(max_length=64, blank=True, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")
        indexes = [
            models.Index(fields=["-at", "-id"], name="event_newest"),
            models.Index(fields=["patient_id", "-at", "-id"], name="event_of_patient"),
            models.Index(fields=["user_id", "-at", "-id"], name="event_of_user"),
            models.Index(fields=["action", "-at", "-id"], name="event_of_action"),
            models.Index(
                fields=["at", "id"], name="event_unsealed", condition=models.Q(sequence=None)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence=None, hash="")
                | (models.Q(sequence__isnull=False) & ~models.Q(hash="")),
                name="event_sealed_or_not",
            )
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.user_label}: {self.action}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise Kept("Events of the audit are not changed.")
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise Kept("Events of the audit are not deleted.")


class Head(models.Model):
    """Where the chain ends. One row, which sealing locks: two sealers cannot fork the chain."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_head")]

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class Checkpoint(models.Model):
    """Where the chain begins after a purge: the last event that went, vouched for by `mac`."""

    sequence = models.BigIntegerField(unique=True)
    hash = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)
    before = models.DateTimeField()
    purged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-sequence",)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"
