"""Who may see a patient's file, how much they may do in it, and until when."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import User
from patients.models.patient import Patient


class CareTeamMemberQuerySet(models.QuerySet["CareTeamMember"]):
    def current(self) -> "CareTeamMemberQuerySet":
        """Memberships that have not ended."""
        return self.filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now())
        )

    def ended(self) -> "CareTeamMemberQuerySet":
        """Memberships that have, and wait to be cleared away."""
        return self.filter(expires_at__lte=timezone.now())

    def owners(self) -> "CareTeamMemberQuerySet":
        """Those who can decide about the file today: an account that is closed cannot."""
        return self.filter(level=CareTeamMember.Level.OWNER, user__is_active=True).exclude(
            user__role__in=[User.Role.STUDENT, User.Role.SYSTEM]
        )


def unless_last_owner(collector: Any, field: Any, members: Any, using: str) -> None:
    """`on_delete` of a member's account: it stays until the files that only it owns are handed on.

    Raises:
        ProtectedError: while there is such a file.
    """
    owned = [member for member in members if member.level == CareTeamMember.Level.OWNER]
    others = CareTeamMember.objects.using(using).filter(
        level=CareTeamMember.Level.OWNER, patient__in=[member.patient_id for member in owned]
    )
    handed_on = set(others.exclude(user__in=[m.user_id for m in owned]).values_list("patient"))
    last = {member for member in owned if (member.patient_id,) not in handed_on}
    if last:
        raise models.ProtectedError("The only owner of a patient's file.", last)
    models.CASCADE(collector, field, members, using)


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
        settings.AUTH_USER_MODEL, on_delete=unless_last_owner, related_name="memberships"
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
        indexes = [
            models.Index(fields=["expires_at"], name="care_team_member_ends"),
            models.Index(fields=["user", "-added_at", "-patient"], name="care_team_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["patient", "user"], name="care_team_member_once"),
            # Else a file would one day have no owner without anybody having done anything.
            models.CheckConstraint(
                condition=models.Q(level__lt=3) | models.Q(expires_at=None),
                name="care_team_owner_without_end",
                violation_error_code="owner_has_no_end",
                violation_error_message="An owner has no end; make them a writer first.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.patient}"


class EmergencyAccess(models.Model):
    """A doctor outside the care team opened the file, and wrote why. Kept when all else goes."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    # Its id stays when the file is gone: no constraint, and nothing to cascade.
    patient = models.ForeignKey(
        Patient, on_delete=models.DO_NOTHING, db_constraint=False, related_name="emergencies"
    )
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=2000)
    opened_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When it was ended before its time.")
    told_at = models.DateTimeField(null=True, help_text="When care team and admins got mail.")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField("comment of the review", max_length=2000, blank=True)

    class Meta:
        ordering = ("-opened_at", "-id")
        verbose_name_plural = "emergency accesses"
        indexes = [
            models.Index(fields=["patient", "-opened_at", "-id"], name="emergency_of_patient"),
            models.Index(
                fields=["opened_at"], name="emergency_untold", condition=models.Q(told_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.doctor}, {self.opened_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.until > timezone.now()


class Notice(models.Model):
    """Something that one person should know. Its text says nothing about the patient."""

    class Kind(models.TextChoices):
        ACCESS = "access", "Access given, changed or ended"
        EMERGENCY = "emergency", "Emergency access"
        HAND_OVER = "hand_over", "File handed over"
        OPINION = "opinion", "Second opinion"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.CharField(max_length=300)
    patient_id = models.UUIDField(null=True)
    object_id = models.UUIDField(null=True, help_text="Of the emergency access or the opinion.")
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["user", "-at", "-id"], name="notice_newest")]

    def __str__(self) -> str:
        return self.text
