"""What doctors say about a reading: reviews, which decide, and comments, which do not."""

from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from inference.models.analysis import Analysis
from inference.models.run import Label


def review_path(review: "Review", filename: str) -> str:
    return f"{review.analysis.scan.folder}/reviews/{review.id}/{filename}"


class Review(models.Model):
    """A doctor's decision about a reading, complete in itself; the model's answer stays as it was.

    A later review supersedes the one before it, which is kept: `version` counts up without gaps and
    the newest is the current one. The database holds both, so that of two doctors who decide at
    once one is told.
    """

    class Decision(models.TextChoices):
        SIGNED = "signed", "Signed"
        CORRECTED = "corrected", "Corrected"
        REJECTED = "rejected", "Rejected"

    class Outline(models.TextChoices):
        """Whose outline the doctor's answer has."""

        MODEL = "model", "The model's"
        DOCTOR = "doctor", "The doctor's own"
        NONE = "none", "None"

    ANSWERS = (Decision.SIGNED, Decision.CORRECTED)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="reviews")
    version = models.PositiveSmallIntegerField()
    is_current = models.BooleanField(default=True)

    decision = models.CharField(max_length=10, choices=Decision)
    label = models.CharField(max_length=12, choices=Label, blank=True)
    outline = models.CharField(max_length=6, choices=Outline)
    polygons = models.JSONField(default=list, blank=True)
    measurements = models.JSONField(null=True, blank=True)
    dice = models.FloatField(
        null=True, blank=True, help_text="Model's against doctor's outline; null if both are empty."
    )
    mask = models.FileField(max_length=255, upload_to=review_path, blank=True)
    overlay = models.FileField(max_length=255, upload_to=review_path, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    comment = models.CharField(max_length=2000, blank=True)

    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    reviewer_name = models.CharField(max_length=255, help_text="Outlives the account.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-version",)
        indexes = [
            models.Index(
                fields=["created_at"],
                name="review_current",
                condition=models.Q(is_current=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "version"], name="review_version_once"),
            models.UniqueConstraint(
                fields=["analysis"],
                name="review_one_current",
                condition=models.Q(is_current=True),
            ),
            models.CheckConstraint(
                condition=models.Q(decision="rejected", label="", outline="none")
                | (~models.Q(decision="rejected") & ~models.Q(label="")),
                name="review_answers_unless_rejected",
            ),
            models.CheckConstraint(
                condition=~models.Q(label="no_tumor") | models.Q(outline="none"),
                name="review_outlines_no_tumor_never",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()} by {self.reviewer_name}"


class Comment(models.Model):
    """A remark on a reading that decides nothing."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="comments")
    text = models.CharField(max_length=2000)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=255, help_text="Outlives the account.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["analysis", "-created_at", "-id"], name="comment_newest")]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.text[:40]}"


@receiver(post_delete, sender=Review)
def remove_files(sender: type[Review], instance: Review, **_: object) -> None:
    """Files go when the row is really gone, as an analysis's do."""
    for stored in (instance.mask, instance.overlay):
        if stored:
            transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
