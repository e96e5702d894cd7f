"""Who may see a patient's file, how much they may do in it, and until when."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from patients.models.patient import Patient


class CareTeamMemberQuerySet(models.QuerySet["CareTeamMember"]):
    def current(self) -> "CareTeamMemberQuerySet":
        """Memberships that have not ended."""
        return self.filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now())
        )


class CareTeamMember(models.Model):
    """One person's way into a patient's file. There is no other, but for admins.

    Whoever opens a file owns it. A share ends by itself; emergency access does so within the hour.
    An ended row gives nothing, whether or not it has been cleared away.
    """

    class Level(models.IntegerChoices):
        """What one may do; each includes the one before."""

        READER = 1, "reads"
        WRITER = 2, "reads and writes"
        OWNER = 3, "decides who else may"

    class Via(models.TextChoices):
        TEAM = "team", "Care team"
        SHARE = "share", "Share with an end"
        EMERGENCY = "emergency", "Emergency access"

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    level = models.PositiveSmallIntegerField(choices=Level, default=Level.WRITER)
    via = models.CharField(max_length=10, choices=Via, default=Via.TEAM)
    expires_at = models.DateTimeField(null=True, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    objects = CareTeamMemberQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="care_team_member_ends")]
        constraints = [
            models.UniqueConstraint(fields=["patient", "user"], name="care_team_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.patient}"
