"""Storing what is sent (STOW-RS, PS3.18, 10.5)."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import UUID

import pydicom
from django.conf import settings

from accounts.models import User
from backend.api.errors import ApiError
from dicom.dicomweb.accept import DICOM
from dicom.dicomweb.attributes import Json, dataset
from dicom.dicomweb.multipart import MultipartError, Part, Stream, read_parts
from dicom.inbox.services import Received, Source, receive
from scans.decoding import DecodeError
from scans.models import Series
from scans.series.services import note_broken, note_resumed, settle

# Reasons of failures: PS3.18, 10.5.3 (table I.2-2), and PS3.4, annex B.2.3.
PROCESSING_FAILURE = 0x0110
NOT_MATCHING = 0xA900
NOT_UNDERSTOOD = 0xC000
SYNTAX_NOT_SUPPORTED = 0xC122
CONFLICT = 0x0111  # duplicate SOP instance
_REASONS = {
    "unsupported_transfer_syntax": SYNTAX_NOT_SUPPORTED,
    "instance_conflict": CONFLICT,
}


@dataclass
class Stored:
    """What became of the parts of one request.

    answer: the store instances response, as a DICOM JSON data set.
    complete: whether the body came as far as its last boundary.
    """

    kept: list[Received] = field(default_factory=list)
    referenced: list[Json] = field(default_factory=list)
    failed: list[Json] = field(default_factory=list)
    others: list[Json] = field(default_factory=list)
    complete: bool = True

    @property
    def patients(self) -> list[str]:
        """The ids of those into whose files something came."""
        filed = (one.instance for one in self.kept if one.instance is not None)
        return list(dict.fromkeys(str(i.series.study.patient_id) for i in filed))

    @property
    def series(self) -> set[UUID]:
        """Those to which something came."""
        return {one.instance.series_id for one in self.kept if one.instance is not None}

    @property
    def whole_series(self) -> set[UUID]:
        """Series of which nothing more is expected once the request is over.

        Some senders make a request of each slice: one slice alone says nothing of the rest.
        """
        filed = [one.instance for one in self.kept if one.instance is not None]
        alone = len(filed) == 1 and filed[0].frames == 1 and filed[0].rows is not None
        return set() if alone else self.series

    @property
    def answer(self) -> Json:
        sequences: dict[str, Any] = {}
        if self.referenced:
            sequences["ReferencedSOPSequence"] = self.referenced
        if self.failed:
            sequences["FailedSOPSequence"] = self.failed
        if self.others:
            sequences["OtherFailuresSequence"] = self.others
        return dataset(**sequences)

    @property
    def status(self) -> int:
        if not self.failed and not self.others:
            return 200
        return 202 if self.referenced else 409


def store(stream: Stream, boundary: str, *, user: User, study_uid: str | None, root: str) -> Stored:
    """Take in the objects of a body, each as soon as it came, each on its own.

    An object that cannot be kept is named in the answer and costs the others nothing. What
    the series are is made up when all came (`whole_series`); of a body that broke off this is
    noted, and the sweep does it later: the sender may go on with the rest.

    Args:
        study_uid: The study that everything must belong to, if one.
        root: The address of all studies.
    """
    stored = Stored()
    # People choose their names: none of them may pass for a system.
    name = str(user) if user.is_system else f"{user} <{user.email}>"
    source = Source(peer=None, user=user, name=name)
    try:
        for part in read_parts(stream, boundary, largest=settings.MAX_INSTANCE_BYTES):
            _store_part(part, source, study_uid, root, stored)
    except MultipartError:
        stored.complete = False
        stored.others.append(dataset(FailureReason=PROCESSING_FAILURE))
    if stored.complete:
        for series in Series.objects.filter(pk__in=stored.series):
            if series.pk in stored.whole_series:
                settle(series, complete=True)
            else:
                note_resumed(series)
    else:
        for series in Series.objects.filter(pk__in=stored.series):
            note_broken(series)
    return stored


def _store_part(
    part: Part, source: Source, study_uid: str | None, root: str, stored: Stored
) -> None:
    kind = part.headers.get("content-type", DICOM).partition(";")[0].strip().lower()
    if kind != DICOM or part.too_large:
        stored.others.append(dataset(FailureReason=NOT_UNDERSTOOD))
        return
    names = _names(part.data)
    if study_uid is not None and names.get("study") not in (None, study_uid):
        stored.failed.append(_reference(names, FailureReason=NOT_MATCHING))
        return
    try:
        received = receive(data=part.data, source=source)
    except (ApiError, DecodeError) as refused:
        reason = _REASONS.get(refused.code, NOT_UNDERSTOOD)
        if names.get("instance"):
            stored.failed.append(_reference(names, FailureReason=reason))
        else:
            stored.others.append(dataset(FailureReason=reason))
        return
    stored.kept.append(received)
    stored.referenced.append(_reference(names, RetrieveURL=_address(received, root)))


def _address(received: Received, root: str) -> str:
    """Where to fetch it; nowhere as long as it waits."""
    instance = received.instance
    if instance is None:
        return ""
    series = instance.series
    return f"{root}/{series.study.uid}/series/{series.uid}/instances/{instance.uid}"


def _names(data: bytes) -> dict[str, str]:
    """What an object calls itself, as far as that can be read."""
    tags = {"class": "SOPClassUID", "instance": "SOPInstanceUID", "study": "StudyInstanceUID"}
    try:
        wanted = list(tags.values())
        header = pydicom.dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=wanted)
        return {name: str(header.get(keyword) or "") for name, keyword in tags.items()}
    except Exception:  # what is wrong with it, `receive` says
        return {}


def _reference(names: dict[str, str], **attributes: Any) -> Json:
    return dataset(
        ReferencedSOPClassUID=names.get("class", ""),
        ReferencedSOPInstanceUID=names.get("instance", ""),
        **attributes,
    )
