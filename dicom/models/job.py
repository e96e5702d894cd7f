"""What is done once, by workers that may die: what a publication and a delivery have in common."""

from uuid import uuid4

from django.db import models
from django.utils import timezone


class Job(models.Model):
    """The row is the truth about the job; whatever a broker says or forgets, this holds.

    `waiting` -> `running` -> `done` or `failed`. A run owns the row through `run_id`: whoever
    finishes must still hold it. `due_at` says when the sweep must act if it is still open: for a
    waiting job that its message got lost or its pause is over, for a running one that its worker
    died.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Given up"

    OPEN = (Status.WAITING, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    run_id = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
