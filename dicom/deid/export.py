"""Studies to take out of the house: de-identified, packed bit by bit."""

from collections.abc import Iterator
from io import BytesIO, RawIOBase
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pydicom

from backend.api.errors import ApiError, Conflict
from dicom.deid.burned_in import says_burned_in
from dicom.deid.profile import Profile, deidentified_file
from dicom.deid.pseudonyms import pseudonym
from dicom.deid.series import PROBLEM, text_in
from scans.models import Instance, Series, Study

_README = """DICOM images, de-identified by the Basic Application Level Confidentiality Profile
(DICOM PS3.15, annex E); each object says with which options. Pixels are as they were: a face can
be recognised in slices of a whole head.

LEFT-OUT.txt, if it is there, lists what is not in here: objects other than images, whose text
cannot be cleaned, and what could not be read or may show text in its pixels.
"""


def check_exportable(study: Study, *, allow_burned_in: bool) -> list[Instance]:
    """Return the instances of a study that an export looks at.

    Raises:
        Conflict: `burned_in_text` when slices may show text, and that is not allowed.
    """
    instances = study_instances(study)
    if not allow_burned_in:
        flagged = [s for s in _series(instances) if not s.ours and _flagged(s)]
        if flagged:
            raise Conflict(
                "burned_in_text",
                "Slices of this study may have text in their pixels, which cannot be removed.",
                series=[str(series.pk) for series in flagged],
            )
    return instances


def study_instances(study: Study) -> list[Instance]:
    found = Instance.objects.filter(series__study=study).select_related("series")
    return list(found.order_by("series__number", "series_id", "number", "uid"))


def packed(
    study: Study, instances: list[Instance], profile: Profile, *, allow_burned_in: bool
) -> Iterator[bytes]:
    """Yield a zip archive with an object of each image, one image in memory at a time."""
    sink = _Sink()
    number = pseudonym(str(study.patient_id), "")
    left_out: list[str] = []
    folders: dict[Any, str] = {}
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        archive.writestr(ZipInfo("README.txt"), _README)
        for place, instance in enumerate(instances, start=1):
            folder = folders.setdefault(instance.series_id, f"series-{len(folders) + 1:03}")
            name = f"{folder}/{place:05}.dcm"
            content = _content(instance, profile, number, allow_burned_in=allow_burned_in)
            if isinstance(content, str):
                left_out.append(f"{name}: {content}\n")
            else:
                archive.writestr(ZipInfo(name), content)
            yield sink.taken()
        if left_out:
            archive.writestr(ZipInfo("LEFT-OUT.txt"), "".join(left_out))
    yield sink.taken()


def _content(
    instance: Instance, profile: Profile, number: str, *, allow_burned_in: bool
) -> bytes | str:
    """Return the object, or in a few words why it is left out."""
    if instance.format != Instance.Format.DICOM or instance.rows is None:
        return "no DICOM image"
    try:
        with instance.file.open("rb") as stored:
            data = stored.read()
        clean = deidentified_file(data, profile, number=number)
        header = pydicom.dcmread(BytesIO(clean), stop_before_pixels=True)
    except (ApiError, OSError):
        return "cannot be read"
    if not allow_burned_in and says_burned_in(header):
        return "may show text"
    return clean


def _series(instances: list[Instance]) -> list[Series]:
    return list({instance.series_id: instance.series for instance in instances}.values())


def _flagged(series: Series) -> bool:
    if series.settled_at is None:
        return text_in(series)
    return any(problem.get("code") == PROBLEM for problem in series.problems)


class _Sink(RawIOBase):
    """What a zip archive is written to, and taken from as it grows."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
