"""How far a reading has got: what one of a slice and one of a series have in common."""

from typing import ClassVar
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from patients.models import Change


class Label(models.TextChoices):
    GLIOMA = "glioma", "Glioma"
    MENINGIOMA = "meningioma", "Meningioma"
    PITUITARY = "pituitary", "Pituitary tumour"
    NO_TUMOR = "no_tumor", "No tumour found"


class Run(models.Model):
    """The row is the truth about the job; whatever a broker says or forgets, this holds.

    `queued` -> `running` -> `done`, `rejected` (nothing that we read) or `failed`; a queued one
    may be `cancelled`. A run owns the row through `run_id`: whoever finishes must still hold it.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    TASK: ClassVar[str]  # the Celery task that carries it out
    CHANGE: ClassVar[Change.Kind]  # what the feed calls a change of it
    THING: ClassVar[str]  # what it reads, in a sentence

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    run_id = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    sends = models.PositiveSmallIntegerField(default=0, help_text="Since it was last queued.")
    due_at = models.DateTimeField(
        default=timezone.now,
        help_text="When the sweep must act if it is still active: its message or worker is lost.",
    )

    label = models.CharField(max_length=12, choices=Label, blank=True)
    probabilities = models.JSONField(null=True, blank=True)
    possible_labels = models.JSONField(
        null=True,
        blank=True,
        help_text="Those that the release cannot rule out; null where it does not know.",
    )
    reasons = models.JSONField(default=list, blank=True)
    measurements = models.JSONField(null=True, blank=True)
    elapsed_ms = models.JSONField(null=True, blank=True)
    release = models.CharField(max_length=64, blank=True)
    release_wanted = models.CharField(
        max_length=64, blank=True, help_text="Empty: the one that is active when it is read."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def patient_id(self) -> UUID:
        """Whose file it is in."""
        raise NotImplementedError

    @property
    def changed_id(self) -> UUID:
        """What the feed names when the run changes."""
        return self.id
