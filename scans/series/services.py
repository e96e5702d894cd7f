"""Everything that changes series: keeping what comes, and saying when nothing more is expected."""

import hashlib
import logging
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from backend.api.errors import ApiError, Conflict
from backend.api.text import printable
from patients import changes
from patients.models import Change, Patient
from scans.models import Instance, Series, Study
from scans.series.geometry import Problem
from scans.series.header import Header
from scans.series.selection import (
    AFTER_CONTRAST,
    ANOTHER,
    LEAST_SLICES,
    Verdict,
    judge,
    preferred,
)
from scans.series.signals import series_settled
from scans.series.summary import summarise
from scans.series.volumes import GZIP
from scans.services import possible, removed_on_failure

logger = logging.getLogger(__name__)

BROKEN = Problem("transfer_broken", "Its transfer broke off: slices may be missing.")
RESUMED = Problem(BROKEN.code, "Its transfer broke off and went on: slices may be missing.")


@dataclass(frozen=True)
class Filed:
    """An instance that is kept, and whether it was before."""

    instance: Instance
    already_there: bool


def file_instance(
    *,
    patient: Patient,
    data: bytes,
    header: Header | None = None,
    source: str = "",
    sender_id: UUID | None = None,
    user: User | None = None,
    ours: bool = False,
    format: Instance.Format = Instance.Format.DICOM,
) -> Filed:
    """Keep one DICOM object, or one volume, byte for byte in a patient's file, once.

    Each object is a transaction of its own: several that stand in one may wait for each other.
    Whoever knows that nothing more will come calls `settle`; else the sweep does.

    Args:
        header: What `Header.read(data)` says, where the caller has it; of a volume it must.
        source: Who sent it, as people know them.
        sender_id: The `dicom.Peer` that did, where one did.
        ours: Made here. To a series of ours nobody else adds anything.

    Raises:
        DecodeError: as `Header.read`.
        Conflict: `instance_conflict` when the file has another object of this UID, or as
            `series_of`.
    """
    header = header or Header.read(data)
    sha256 = hashlib.sha256(data).hexdigest()
    if first := same_instance(patient, header, sha256):
        return Filed(first, already_there=True)
    instance = Instance(
        uid=header.instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        number=header.instance_number,
        frames=header.frames,
        rows=header.rows,
        columns=header.columns,
        geometry=header.geometry,
        facts=header.facts,
        format=format,
        size_bytes=len(data),
        sha256=sha256,
        source=printable(source, 100),
        sender_id=sender_id,
        received_by=user,
    )
    try:
        keep(instance, ContentFile(data), patient=patient, header=header, ours=ours)
    except IntegrityError:
        first = same_instance(patient, header, sha256)  # the same object came twice at once
        if first is None:
            raise
        return Filed(first, already_there=True)
    return Filed(instance, already_there=False)


def same_instance(patient: Patient, header: Header, sha256: str) -> Instance | None:
    """Return the object if it is in the file already.

    Raises:
        Conflict: `instance_conflict` when the file has another object of this UID.
    """
    named = Instance.objects.filter(uid=header.instance_uid, series__study__patient=patient)
    for pk, known in named.order_by().values_list("pk", "sha256"):  # as a rule there is none
        if known != sha256:
            message = "This patient's file has another object with this SOP instance UID."
            raise Conflict("instance_conflict", message, instance=str(pk))
        return Instance.objects.select_related("series__study").get(pk=pk)
    return None


def keep(
    instance: Instance,
    content: "ContentFile[bytes]",
    *,
    patient: Patient,
    header: Header,
    ours: bool,
) -> None:
    """Write row and file, both or neither, and note that the series is still coming."""
    with transaction.atomic(), removed_on_failure(instance.file):
        instance.series = series_of(patient, header, ours=ours)
        instance.file.save(suffix_of(instance, content), content, save=False)
        instance.save(force_insert=True)
        now = timezone.now()
        Series.objects.filter(pk=instance.series_id).update(
            received_at=now, settled_at=None, updated_at=now
        )


def suffix_of(instance: Instance, content: "ContentFile[bytes]") -> str:
    """Name the kind of file, as `instance_path` wants it: nothing else of a name is kept."""
    if instance.format == Instance.Format.DICOM:
        return ".dcm"
    packed = content.read(len(GZIP)) == GZIP
    content.seek(0)
    return ".nii.gz" if packed else ".nii"


def series_of(patient: Patient, header: Header, *, ours: bool) -> Series:
    """Find or open the series that an object names.

    Raises:
        Conflict: `instance_conflict` when it is a series of ours and the object is not: it would
            pass for a result of ours, and an image would never be read.
    """
    known = Series.objects.select_related("study").filter(
        study__patient=patient, study__uid=header.study_uid, uid=header.series_uid
    )
    for series in known.order_by().only("ours", "study__patient"):  # of long rows, for each object
        if series.ours and not ours:
            message = "This series was made here; others cannot add to it."
            raise Conflict("instance_conflict", message)
        return series
    study, _ = Study.objects.get_or_create(
        patient=patient,
        uid=header.study_uid,
        defaults={
            "accession_number": header.accession_number,
            "description": header.study_description,
            "started_at": possible(header.studied_at, patient),
        },
    )
    series, began = Series.objects.get_or_create(
        study=study,
        uid=header.series_uid,
        defaults={
            "number": header.series_number,
            "modality": header.modality,
            "description": header.series_description,
            "body_part": header.body_part,
            "started_at": possible(header.acquired_at, patient),
            "ours": ours,
        },
    )
    if began:
        publish(series, Change.Action.CREATED)
    return series


@transaction.atomic
def note_broken(series: Series) -> None:
    """Say of a series that is still coming that its transfer broke off; the rest may follow."""
    series = locked(series)
    if series.settled_at is None and broken_off(series) != BROKEN:
        series.problems = [*others_than_broken(series), asdict(BROKEN)]
        series.save(update_fields=["problems", "updated_at"])
        publish(series, Change.Action.UPDATED)


@transaction.atomic
def note_resumed(series: Series) -> None:
    """Say of a series whose transfer broke off that a slice of it came whole since.

    Whether that was the last one nobody says: it is looked at once it has been quiet.
    """
    series = locked(series)
    if broken_off(series) is None:
        return
    series.problems = [*others_than_broken(series), asdict(RESUMED)]
    series.received_at, series.settled_at = timezone.now(), None
    series.save(update_fields=["problems", "received_at", "settled_at", "updated_at"])
    publish(series, Change.Action.UPDATED)


def broken_off(series: Series) -> Problem | None:
    """What was noted when its transfer broke off, if it did: `BROKEN` or `RESUMED`."""
    noted = (Problem(**each) for each in series.problems if each["code"] == BROKEN.code)
    return next(noted, None)


def others_than_broken(series: Series) -> list[dict[str, str]]:
    return [each for each in series.problems if each["code"] != BROKEN.code]


@transaction.atomic
def settle(series: Series, *, complete: bool | None = None) -> Series:
    """Say of a series what all its headers say together, since nothing more is expected.

    `series_settled` is sent, once for each time that something came. Does nothing with a series
    that is settled already, or to which nothing came.

    Args:
        complete: Whether the transfer ended as it should. Where it broke off the series has the
            problem `transfer_broken` until a whole one follows; None: nobody says, and what was
            noted stays unless single slices came whole since and leave no gap.
    """
    # The study first: what is worth reading depends on its other series.
    Study.objects.select_for_update(no_key=True).get(pk=series.study_id)
    series = locked(series)
    broken = broken_off(series)
    repaired = complete is True and broken is not None
    if series.received_at is None or (series.settled_at is not None and not repaired):
        return series
    summary = summarise(series)
    if complete is not None:
        broken = None if complete else BROKEN
    elif broken == RESUMED and not summary.stack.problems:
        broken = None
    problems = [*summary.problems, broken] if broken else summary.problems
    series.plane = summary.stack.plane
    series.problems = [asdict(problem) for problem in problems]
    series.facts = summary.facts
    series.settled_at = timezone.now()
    weigh(series, judge(summary.about))
    series.save()
    publish(series, Change.Action.UPDATED)
    series_settled.send(sender=Series, series=series)
    return series


def weigh(series: Series, verdict: Verdict) -> None:
    """Say whether a series is worth reading, given what else is in its study.

    Where it was taken after contrast, those without that came before it no longer are.
    """
    if series.ours:
        series.worth_reading, series.worth_reason = False, "It was made here, of a reading."
        return
    others = Series.objects.filter(study=series.study_id, received_at__isnull=False, ours=False)
    others = others.exclude(pk=series.pk)
    if verdict.kind == "t1" and any(map(was_after_contrast, others)):
        (verdict, _) = preferred([verdict, Verdict("t1c", AFTER_CONTRAST)])
    series.facts["kind"] = verdict.kind
    series.worth_reading, series.worth_reason = verdict.worth, verdict.reason
    if verdict.kind == "t1c":
        for other in others.filter(worth_reading=True, facts__kind="t1"):
            other.worth_reading, other.worth_reason = False, ANOTHER
            other.save(update_fields=["worth_reading", "worth_reason", "updated_at"])
            publish(other, Change.Action.UPDATED)


def was_after_contrast(series: Series) -> bool:
    """Whether a series is the better one to read; one still coming is judged by its first slice."""
    if series.settled_at is not None:
        return series.facts.get("kind") == "t1c"
    first = list(series.instances.all()[:1])
    about = summarise(series, first).about
    return judge(replace(about, slices=LEAST_SLICES, frames=LEAST_SLICES)).kind == "t1c"


def settle_quiet() -> None:
    """Settle the series to which nothing has come for SERIES_QUIET_S."""
    since = timezone.now() - timedelta(seconds=settings.SERIES_QUIET_S)
    for series in Series.objects.filter(settled_at=None, received_at__lt=since):
        try:
            settle(series)
        except Exception:  # one series must not stand in the way of the others
            logger.exception("Series %s cannot be settled yet", series.pk)


@transaction.atomic
def choose(*, series: Series, chosen: bool | None) -> Series:
    """Take a doctor's word on whether to read a series, or take it back (None).

    `series_settled` is sent again if it is settled, since what is to be done has changed.

    Raises:
        ApiError: `made_here` for a series that was made of a reading.
    """
    if series.ours and chosen:
        message = "This series was made here of a reading, and is not read again."
        raise ApiError("made_here", message, field="chosen")
    if series.chosen == chosen:
        return series
    series.chosen = chosen
    series.save(update_fields=["chosen", "updated_at"])
    publish(series, Change.Action.UPDATED)
    if series.settled_at is not None:
        series_settled.send(sender=Series, series=series)
    return series


def locked(series: Series) -> Series:
    """Hold the row until the transaction ends."""
    rows = Series.objects.select_for_update(of=("self",)).select_related("study__patient")
    return rows.get(pk=series.pk)


def publish(series: Series, action: Change.Action) -> None:
    """Tell everyone who follows the file; once for a series, not for each of its slices."""
    changes.publish(
        patient_id=series.study.patient_id,
        kind=Change.Kind.SERIES,
        object_id=series.pk,
        action=action,
    )
