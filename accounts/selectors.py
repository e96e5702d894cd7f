"""Everything that reads accounts for a caller. Only admins see invitations and applications."""

from django.db.models import QuerySet

from accounts.models import DoctorApplication, Invitation, User


def invitations(user: User) -> QuerySet[Invitation]:
    return Invitation.objects.all() if user.is_admin else Invitation.objects.none()


def applications(user: User, status: str | None = None) -> QuerySet[DoctorApplication]:
    """Applications whose address is proven; those of one status, if one is given."""
    if not user.is_admin:
        return DoctorApplication.objects.none()
    proven = DoctorApplication.objects.exclude(status=DoctorApplication.Status.UNVERIFIED)
    return proven.filter(status=status) if status else proven
