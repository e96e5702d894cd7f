"""A second opinion: a colleague outside the care team is asked about one scan."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from patients.models import HistoryEntry, Patient


class OpinionQuerySet(models.QuerySet["Opinion"]):
    def open(self) -> "OpinionQuerySet":
        """Those that the colleague may still answer, and see the scan for."""
        return self.filter(status=Opinion.Status.ASKED, expires_at__gt=timezone.now())

    def overdue(self) -> "OpinionQuerySet":
        """Those that nobody answered in time, and that wait to be closed."""
        return self.filter(status=Opinion.Status.ASKED, expires_at__lte=timezone.now())


class Opinion(models.Model):
    """A question about a scan to one colleague, and the answer.

    It belongs to the file: whoever may see the file may see it. While it is open the colleague sees
    the question, the scan and the chosen entries, and nothing else of the file; once it is closed
    they see what was asked and what they said.
    """

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        ANSWERED = "answered", "Answered"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Not answered in time"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    scan = models.ForeignKey("scans.Scan", on_delete=models.CASCADE, related_name="opinions")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    colleague = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    question = models.TextField(max_length=4000)
    entries = models.ManyToManyField(HistoryEntry, related_name="+", blank=True)
    show_name = models.BooleanField(
        default=False, help_text="Whether the colleague learns who the patient is."
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.ASKED)
    answer = models.TextField(max_length=4000, blank=True, help_text="Or why it was declined.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = OpinionQuerySet.as_manager()

    # The file, with what the reader may do in it and why; None for who only was asked. Set by
    # `selectors.opinion_for`.
    file: Patient | None

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["colleague", "-created_at", "-id"], name="opinion_of_colleague"),
            models.Index(fields=["asked_by", "-created_at", "-id"], name="opinion_by_asker"),
            models.Index(
                fields=["expires_at"], name="opinion_ends", condition=models.Q(status="asked")
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["scan", "colleague"],
                name="opinion_asked_once_at_a_time",
                condition=models.Q(status="asked"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.asked_by} asks {self.colleague}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.ASKED and self.expires_at > timezone.now()
