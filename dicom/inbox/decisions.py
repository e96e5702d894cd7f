"""What becomes of what waits: somebody says whose it is, it is discarded, or its owner turns up."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Coalesce, Trim, Upper
from django.utils import timezone

from accounts.models import User
from audit.services import record
from backend.api.errors import ApiError, Conflict, Forbidden
from dicom.inbox.files import written_files
from dicom.inbox.matching import OPPOSITE, SEXES, Source
from dicom.inbox.services import whose
from dicom.models import Arrival
from patients.access import Level, patient_for
from patients.models import Patient, PatientIdentifier
from patients.models.patient import identifier_key
from patients.services import update_patient
from scans.models import Series
from scans.series.header import Header
from scans.series.services import file_instance, settle

GROUPS_AT_ONCE = 50
OBJECTS_AT_ONCE = 300
Reason = Arrival.Reason


@dataclass(frozen=True)
class Refused:
    """An object that could not be filed and still waits."""

    instance_uid: str
    code: str
    message: str


@dataclass
class Outcome:
    """What became of a group."""

    filed: int = 0
    already_there: int = 0
    conflicts: list[Refused] = field(default_factory=list)
    series: dict[UUID, Series] = field(default_factory=dict)


def assign(
    *,
    user: User,
    group: UUID,
    patient_id: UUID,
    add_identifier: bool,
    written: list[FieldFile],
) -> tuple[Patient, Outcome]:
    """File what waits under a patient, and settle its series; in a transaction of the caller's.

    What the file cannot take, since it has another object of that UID, goes on waiting. Of two who
    assign at once, to whomever, one does.

    Args:
        add_identifier: Make its number one of the patient's, so that the next ones find the file.
        written: See `written_files`.

    Raises:
        Conflict: `already_decided`; `identifier_taken`.
        Patient.DoesNotExist: also when the patient exists but is not for this user.
        Forbidden: `read_only_access`.
        ApiError: `no_identifier`.
    """
    arrivals = held(group)
    patient = patient_for(user, patient_id, level=Level.WRITER, lock=True)
    if add_identifier:
        add_number(user, patient, arrivals[0])
    return patient, file_all(arrivals, patient, written)


def held(group: UUID) -> list[Arrival]:
    """The arrivals of a group, held until the transaction ends.

    Raises:
        Conflict: `already_decided` when there are none (any more).
    """
    rows = Arrival.objects.select_for_update(of=("self",)).filter(group=group).order_by("pk")
    if arrivals := list(rows.select_related("received_by")):
        return arrivals
    raise Conflict("already_decided", "Somebody has just decided about this.")


def add_number(user: User, patient: Patient, arrival: Arrival) -> None:
    issuer, value = arrival.issuer, arrival.patient_number
    if not (issuer and value):
        message = "It names no number, or nobody who gave it."
        raise ApiError("no_identifier", message, field="add_identifier")
    known = patient.identifiers.all()
    if identifier_key(issuer, value) in {each.key for each in known}:
        return
    identifiers = [{"issuer": each.issuer, "value": each.value} for each in known]
    identifiers.append({"issuer": issuer, "value": value})
    try:
        update_patient(user=user, patient=patient, identifiers=identifiers)
    except Conflict as taken:
        taken.field = "add_identifier"
        raise


def file_all(arrivals: list[Arrival], patient: Patient, written: list[FieldFile]) -> Outcome:
    """File what can be filed and take it out of the inbox; keep the rest."""
    outcome, gone = Outcome(), []
    for arrival in arrivals:
        try:
            filed = file_instance(
                patient=patient,
                data=bytes_of(arrival),
                source=arrival.source,
                sender_id=arrival.peer_id,
                user=arrival.received_by,
            )
        except Conflict as conflict:
            outcome.conflicts.append(Refused(arrival.instance_uid, conflict.code, conflict.message))
            if conflict.code == "instance_conflict":
                Arrival.objects.filter(pk=arrival.pk).update(reason=Reason.OTHER_CONTENT)
            continue
        gone.append(arrival.pk)
        outcome.series[filed.instance.series_id] = filed.instance.series
        if filed.already_there:
            outcome.already_there += 1
        else:
            outcome.filed += 1
            written.append(filed.instance.file)
    Arrival.objects.filter(pk__in=gone).delete()
    for series in outcome.series.values():
        settle(series)
    return outcome


def bytes_of(arrival: Arrival) -> bytes:
    """Raises:
    Conflict: `file_missing`.
    """
    try:
        with arrival.file.open("rb") as opened:
            return bytes(opened.read())
    except FileNotFoundError as missing:
        raise Conflict("file_missing", "Its file is not in the storage.") from missing


@transaction.atomic
def discard(*, user: User, group: UUID) -> int:
    """Remove what waits, for good; return how many objects.

    Raises:
        Forbidden: `admin_required`.
        Conflict: `already_decided`.
    """
    if not user.is_admin:
        raise Forbidden("admin_required", "Only administrators discard what came.")
    arrivals = held(group)
    Arrival.objects.filter(pk__in=[arrival.pk for arrival in arrivals]).delete()
    return len(arrivals)


def file_waiting() -> None:
    """File what waits for a number that somebody has now, or for its owner to be put right."""
    ready = worth_a_look()
    # In any order: those that their sender may not file must not stand in the others' way.
    groups = ready.order_by("?").values_list("group", flat=True)[: GROUPS_AT_ONCE * 10]
    for group in list(dict.fromkeys(groups))[:GROUPS_AT_ONCE]:
        with written_files() as written, transaction.atomic():
            file_group(ready.filter(group=group), group, written)


def worth_a_look() -> QuerySet[Arrival]:
    """What may have an owner by now; whether it has, `whose` says, which reads the objects.

    Of those whose number's owner was somebody else, the ones that no birth date or sex of an owner
    contradicts any more: all others would be read again with each sweep.
    """
    owners = PatientIdentifier.objects.filter(key=OuterRef("numbers__key"))
    alike = owners.filter(
        Q(patient__birth_date=None)
        | Q(patient__birth_date=Coalesce(OuterRef("birth_date"), F("patient__birth_date")))
    ).exclude(patient__sex=OuterRef("opposite"))
    opposite = [When(said=code, then=Value(OPPOSITE[sex].value)) for code, sex in SEXES.items()]
    return Arrival.objects.annotate(
        said=Upper(Trim("sex")), opposite=Case(*opposite, default=Value(""))
    ).filter(
        Q(Exists(owners), reason=Reason.UNKNOWN_NUMBER)
        | Q(Exists(alike), reason=Reason.OTHER_PERSON)
    )


def file_group(waiting: QuerySet[Arrival], group: UUID, written: list[FieldFile]) -> None:
    """File what of a group has one owner now; what two have, or the wrong one, waits as such."""
    rows = Arrival.objects.select_for_update(of=("self",), skip_locked=True).order_by("pk")
    rows = rows.filter(pk__in=waiting.values("pk")).select_related("peer", "received_by")
    owned: dict[UUID, tuple[Patient, list[Arrival]]] = {}
    for arrival in rows[:OBJECTS_AT_ONCE]:
        found = owner_now(arrival)
        if isinstance(found, Patient):
            owned.setdefault(found.pk, (found, []))[1].append(arrival)
        elif found == Reason.UNKNOWN_NUMBER:
            break  # its sender may not file there; nor the rest of the group
        else:
            Arrival.objects.filter(pk=arrival.pk).update(reason=found)
    for patient, arrivals in owned.values():
        outcome = file_all(arrivals, patient, written)
        details = {"objects": outcome.filed, "conflicts": len(outcome.conflicts)}
        record(
            user=None,
            action="inbox.match",
            patient_id=patient.pk,
            subject=("inbox", group),
            details=details,
        )


def owner_now(arrival: Arrival) -> Patient | Arrival.Reason:
    try:
        data = bytes_of(arrival)
    except Conflict:
        return Reason.UNKNOWN_NUMBER
    source = Source(arrival.peer, arrival.received_by, arrival.source)
    return whose(data, Header.read(data), source)[0]


def discard_expired() -> None:
    """Remove what has waited for longer than `INBOX_KEEP_DAYS`, and write it down."""
    if not settings.INBOX_KEEP_DAYS:
        return
    oldest = timezone.now() - timedelta(days=settings.INBOX_KEEP_DAYS)
    groups = Arrival.objects.order_by().values("group").annotate(latest=Max("created_at"))
    for group in groups.filter(latest__lt=oldest).values_list("group", flat=True):
        with transaction.atomic():
            rows = Arrival.objects.filter(group=group)
            details = {"objects": rows.count(), "source": rows.values_list("source", flat=True)[0]}
            rows.delete()
            record(user=None, action="inbox.expire", subject=("inbox", group), details=details)
