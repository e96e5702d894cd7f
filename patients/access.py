"""Who may see which patient's file, how much they may do in it, and why."""

from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from accounts.models import User
from accounts.systems.scopes import can_write
from accounts.systems.selectors import system_of
from backend.api.errors import Forbidden
from patients.models import CareTeamMember, Patient, PatientIdentifier

Level = CareTeamMember.Level
ADMIN = "admin"
SYSTEM = "system"
OPINION = "opinion"  # opens one scan, not the file: `scans.selectors.scan_for`


def patients_for(user: User) -> QuerySet[Patient]:
    """The patients whose file the user may see.

    Doctors see the files that they are in the care team of, admins all, systems those with a number
    of one of their issuers, others none. Each patient comes with `access_level` (what the user may
    do), `access_via` (why: `team`, `share`, `emergency`, `admin` or `system`) and `access_since`
    (since when; for admins and systems, since there is a file).
    """
    files = Patient.objects.filter(merged_into=None)
    if user.is_admin:
        return files.annotate(  # type: ignore[no-redef]
            access_level=Value(Level.OWNER),
            access_via=Value(ADMIN),
            access_since=F("created_at"),
        )
    if user.is_system:
        return files_of_system(user, files)
    if not user.is_doctor:
        return Patient.objects.none()
    lasts = Q(members__expires_at__isnull=True) | Q(members__expires_at__gt=timezone.now())
    return files.filter(lasts, members__user=user).annotate(  # type: ignore[no-redef]
        access_level=F("members__level"),
        access_via=F("members__via"),
        access_since=F("members__added_at"),
    )


def files_of_system(user: User, files: QuerySet[Patient]) -> QuerySet[Patient]:
    """Those of the files whose patients have a number of one of the system's issuers.

    What it may do in one request is less where its token's scopes are; see `accounts.systems`.
    """
    system = system_of(user)
    if system is None or not system.issuers:
        return Patient.objects.none()
    numbers = PatientIdentifier.objects.filter(patient=OuterRef("pk"), issuer__in=system.issuers)
    return files.filter(Exists(numbers)).annotate(  # type: ignore[no-redef]
        access_level=Value(Level.WRITER if can_write(system.scopes) else Level.READER),
        access_via=Value(SYSTEM),
        access_since=F("created_at"),
    )


def patient_for(
    user: User, patient_id: UUID, *, level: int = Level.READER, lock: bool = False
) -> Patient:
    """Return one patient, with `access_level` and `access_via` as in `patients_for`.

    Args:
        level: What the user must be allowed to do in the file.
        lock: Hold the row until the transaction ends (for edits that depend on what they read, and
            for every change of the care team).

    Raises:
        Patient.DoesNotExist: also when the patient exists but is not for this user.
        Forbidden: `read_only_access` or `owner_required` when the user may see the file, but not
            do this.
    """
    found = patients_for(user)
    if lock:
        # Read after the row is held: what the user may do can have changed while they waited.
        found.select_for_update(of=("self",)).filter(pk=patient_id).first()
    patient = found.get(pk=patient_id)
    require(patient, level)
    return patient


def require(patient: Patient, level: int) -> None:
    """Let only those pass who may do this much in the file.

    Raises:
        Forbidden: `read_only_access` or `owner_required`.
    """
    if patient.access_level >= level:
        return
    if level >= Level.OWNER:
        raise Forbidden("owner_required", "Only an owner of this file may do this.")
    raise Forbidden("read_only_access", "You may read this patient's file, but not write in it.")
