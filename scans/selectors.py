"""Everything that reads scans, limited to what the caller may see."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from patients.access import OPINION, Level, patient_for, patients_for, require
from patients.models import Patient
from scans.models import Opinion, Scan
from scans.opinions.selectors import open_question


def scans_for(user: User) -> QuerySet[Scan]:
    """Scans of the patients whose file the user may see.

    What is open to them one by one, for an opinion, is in no list.
    """
    visible = Scan.objects.filter(patient__in=patients_for(user).order_by())
    return visible.select_related("series__study")


def scan_for(
    user: User, scan_id: UUID, *, level: int = Level.READER, opinion: bool = False
) -> Scan:
    """Return one scan; its `patient` says what the user may do, and why.

    Args:
        level: What the user must be allowed to do.
        opinion: Let in a doctor, too, who is being asked for an opinion about this scan. For what
            shows nothing of the file but the scan.

    Raises:
        Scan.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    scan = Scan.objects.select_related("series__study").get(pk=scan_id)
    try:
        scan.patient = patient_for(user, scan.patient_id, level=level)
    except Patient.DoesNotExist as hidden:
        asked = open_question(user, scan_id) if opinion else None
        if asked is None:
            raise Scan.DoesNotExist from hidden
        return seen_for(asked, scan, level)
    return scan


def seen_for(asked: Opinion, scan: Scan, level: int) -> Scan:
    """Return a scan as the colleague sees it who is asked for an opinion about it.

    Raises:
        Forbidden: when that is not enough for what needs this level.
    """
    scan.patient = Patient.objects.get(pk=scan.patient_id)
    scan.patient.access_level, scan.patient.access_via = Level.READER, OPINION
    require(scan.patient, level)
    scan.shows_name = asked.show_name
    if not scan.shows_name:  # people write names into both
        scan.original_name = scan.note = ""
    return scan
