"""Everything that reads scans, limited to what the caller may see."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from patients.selectors import patients_for
from scans.models import Scan


def scans_for(user: User) -> QuerySet[Scan]:
    """Scans of the patients whom the user may see."""
    visible = Scan.objects.filter(patient__in=patients_for(user).order_by())
    return visible.select_related("series__study")


def scan_for(user: User, scan_id: UUID) -> Scan:
    """Return one scan.

    Raises:
        Scan.DoesNotExist: also when it exists but is not for this user.
    """
    return scans_for(user).get(pk=scan_id)
