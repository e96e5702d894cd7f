"""What comes from other systems: filed under the patient whose number it has, or kept waiting."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_OID, UUID, uuid5

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models.fields.files import FieldFile

from backend.api.errors import Conflict
from backend.api.text import printable
from dicom.deid.profile import deidentified_file, profile_for
from dicom.inbox.files import written_files
from dicom.inbox.matching import Source, keys_of_header, owner, somebodys
from dicom.models import Arrival, ArrivalNumber
from patients.models import Patient
from scans.decoding.types import DecodeError
from scans.models import Instance
from scans.series.header import Header
from scans.series.services import file_instance

__all__ = ["Received", "Source", "receive"]

Reason = Arrival.Reason


@dataclass(frozen=True)
class Received:
    """What became of an object: the instance that it is now, or the arrival that waits."""

    status: Literal["filed", "already_there", "waiting"]
    instance: Instance | None = None
    arrival: Arrival | None = None


def receive(*, data: bytes, source: Source, header: Header | None = None) -> Received:
    """Take one DICOM object from another system: it is kept, once, or an error says why not.

    It is filed under the patient whose number it has, by the issuer that it names or else the
    sender's (`matching.owner`); what cannot be filed waits in the inbox. Whoever knows that nothing
    more comes calls `scans.series.services.settle`, and writes the access down where a request is.

    From peers whose headers are cleaned at the door, the original is gone after this call, and the
    object is matched by what is left in it: a pseudonym that one of our files has, under the peer's
    issuer, finds that file; the patient's real number never does, since that would undo the
    cleaning.

    Args:
        header: What `Header.read(data)` says, where the caller has it.

    Raises:
        DecodeError: as `Header.read`; `missing_sop_class`.
        ApiError: `cannot_deidentify`.
    """
    header = header or Header.read(data)
    if not header.sop_class_uid:
        raise DecodeError("missing_sop_class", "The DICOM file does not say what it is of.")
    if source.peer is not None and (profile := profile_for(source.peer.deidentify)):
        data = deidentified_file(data, profile)
        header = Header.read(data)
    with written_files() as written, transaction.atomic():
        return file_or_wait(data, header, source, written)


def file_or_wait(data: bytes, header: Header, source: Source, written: list[FieldFile]) -> Received:
    found, keys = whose(data, header, source)
    if isinstance(found, Patient):
        try:
            return file(data, header, source, found, written)
        except Conflict as conflict:
            if conflict.code != "instance_conflict":
                raise
            found = Reason.OTHER_CONTENT
    return wait(data, header, source, found, keys, written)


def whose(
    data: bytes, header: Header, source: Source
) -> tuple[Patient | Arrival.Reason, list[str]]:
    """Return whose an object is, or why nobody's, and the keys that were looked for.

    Its own number comes first; what else it calls its patient counts where nobody has that.
    """
    found: Patient | Arrival.Reason = Reason.UNKNOWN_NUMBER
    keys: list[str] = []
    for some in keys_of_header(header, data, source):
        keys += some
        found = owner(keys=some, birth_date=header.birth_date, sex=header.sex, source=source)
        if found != Reason.UNKNOWN_NUMBER:
            return found, keys
        if source.peer is None and somebodys(some):
            break  # it is of a file that the sender may not write in, whatever else it is called
    return (found if header.patient_number or keys else Reason.NO_NUMBER), keys


def file(
    data: bytes, header: Header, source: Source, patient: Patient, written: list[FieldFile]
) -> Received:
    filed = file_instance(
        patient=patient,
        data=data,
        header=header,
        source=source.name,
        sender_id=source.peer.pk if source.peer else None,
        user=source.user,
    )
    if filed.already_there:
        return Received("already_there", instance=filed.instance)
    written.append(filed.instance.file)
    return Received("filed", instance=filed.instance)


def wait(
    data: bytes,
    header: Header,
    source: Source,
    reason: Arrival.Reason,
    keys: list[str],
    written: list[FieldFile],
) -> Received:
    """Keep an object in the inbox, once."""
    issuer = header.issuer or source.issuer
    sha256 = hashlib.sha256(data).hexdigest()
    same = Arrival.objects.filter(
        instance_uid=header.instance_uid,
        sha256=sha256,
        issuer=issuer,
        patient_number=header.patient_number,
    )
    if first := same.first():
        return Received("waiting", arrival=first)
    arrival = Arrival(
        reason=reason,
        peer=source.peer,
        received_by=source.user,
        source=printable(source.name, 100),
        group=group_of(header, issuer, source),
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        instance_uid=header.instance_uid,
        sop_class_uid=header.sop_class_uid,
        modality=header.modality,
        study_description=header.study_description,
        studied_at=header.studied_at,
        instance_number=header.instance_number,
        patient_number=header.patient_number,
        issuer=issuer,
        patient_name=header.patient_name,
        birth_date=header.birth_date,
        sex=header.sex,
        size_bytes=len(data),
        sha256=sha256,
    )
    arrival.file.save("object", ContentFile(data), save=False)
    written.append(arrival.file)
    try:
        with transaction.atomic():
            arrival.save(force_insert=True)
            ArrivalNumber.objects.bulk_create(
                ArrivalNumber(arrival=arrival, key=key) for key in dict.fromkeys(keys)
            )
    except IntegrityError:  # the same object came twice at once
        arrival.file.storage.delete(str(arrival.file.name))
        return Received("waiting", arrival=same.get())
    return Received("waiting", arrival=arrival)


def group_of(header: Header, issuer: str, source: Source) -> UUID:
    """The same for what one sender sends of one study of one person, as they spell them."""
    told = (
        header.study_uid,
        header.patient_number,
        issuer,
        header.patient_name,
        str(header.birth_date),
        header.sex,
        str(source.peer and source.peer.pk),
        str(source.user and source.user.pk),
    )
    return uuid5(NAMESPACE_OID, json.dumps(told))
