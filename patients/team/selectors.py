"""Everything that reads care teams, emergency accesses and notices."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from backend.api.errors import ApiError
from patients.access import patients_for
from patients.models import CareTeamMember, EmergencyAccess, Notice, Patient


def team_of(patient: Patient) -> QuerySet[CareTeamMember]:
    """Everyone who now has a way into a file that the caller may see, the first one first."""
    current = CareTeamMember.objects.filter(patient=patient).current()
    return current.select_related("user", "added_by").order_by("added_at", "id")


def member_of(patient: Patient, user_id: UUID) -> CareTeamMember:
    """Return one of them.

    Raises:
        CareTeamMember.DoesNotExist
    """
    return team_of(patient).get(user=user_id)


def doctors() -> QuerySet[User]:
    """Everybody who may be let into a file."""
    return User.objects.filter(role=User.Role.DOCTOR, is_active=True)


def search_colleagues(user: User, text: str) -> QuerySet[User]:
    """Other doctors whose name or specialty has every word of `text` in it."""
    found = doctors().exclude(pk=user.pk).exclude(first_name="", last_name="")
    for word in text.split():
        found = found.filter(
            Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
            | Q(specialty__icontains=word)
        )
    return found


def colleague(*, user: UUID | None = None, email: str = "", field: str = "user") -> User:
    """Return the doctor with this id or this address.

    Args:
        field: What the caller calls the id.

    Raises:
        ApiError: `unknown_colleague`, the same for an address that nobody has and for one of
            somebody who is no doctor: who has an account here is not for guessing.
    """
    found = doctors().filter(pk=user) if user else doctors().filter(email__iexact=email)
    try:
        return found.get()
    except User.DoesNotExist as unknown:
        raise ApiError(
            "unknown_colleague",
            "There is no doctor here with this id or address.",
            field=field if user else "email",
        ) from unknown


def emergencies_of(patient: Patient) -> QuerySet[EmergencyAccess]:
    """The emergency accesses to a file that the caller may see, the latest first."""
    found = EmergencyAccess.objects.filter(patient=patient)
    return found.select_related("doctor", "reviewed_by")


def emergency_for(user: User, emergency_id: UUID) -> EmergencyAccess:
    """Return an emergency access to a file that the user may see.

    Raises:
        EmergencyAccess.DoesNotExist
    """
    visible = EmergencyAccess.objects.filter(patient__in=patients_for(user).order_by())
    return visible.select_related("doctor", "reviewed_by").get(pk=emergency_id)


def notices_of(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user)
