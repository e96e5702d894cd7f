"""Everything that reads scans, limited to what the caller may see."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from patients.access import Level, patient_for, patients_for
from patients.models import Patient
from scans.models import Scan


def scans_for(user: User) -> QuerySet[Scan]:
    """Scans of the patients whom the user may see."""
    visible = Scan.objects.filter(patient__in=patients_for(user).order_by())
    return visible.select_related("series__study")


def scan_for(user: User, scan_id: UUID, *, level: int = Level.READER) -> Scan:
    """Return one scan; its `patient` says what the user may do, and why.

    Raises:
        Scan.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    scan = Scan.objects.select_related("series__study").get(pk=scan_id)
    try:
        scan.patient = patient_for(user, scan.patient_id, level=level)
    except Patient.DoesNotExist as hidden:
        raise Scan.DoesNotExist from hidden
    return scan
