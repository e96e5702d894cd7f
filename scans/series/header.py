"""What a DICOM object says about itself, without its pixels (PS3.10; PS3.3 for what it means).

Nothing in a header is trusted: what cannot be read, or cannot be so, is absent.
"""

import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pydicom
from pydicom.datadict import dictionary_description
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)
from pydicom.valuerep import DA

from scans.decoding.dicom import (
    check_items,
    moment_of,
    number_of,
    read_dataset,
    transfer_syntax_of,
    value_of,
)
from scans.decoding.types import DecodeError
from scans.series.facts import facts_of
from scans.series.frames import Geometry, geometry_of

MAX_FRAMES = 100_000
_LEAST_FRAME = 8  # bytes of a file for each frame: as long as what every encoded one begins with
LONGEST_UID = 64  # PS3.5, section 9.1
_PREAMBLE = 128
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ELEMENT_HEAD = 8  # bytes: tag, VR and length
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"  # PS3.5, section A.4
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
_TRUNCATED = "The DICOM file ends early; it was probably not copied completely."


@dataclass(frozen=True)
class Header:
    """Where an object belongs, and what it is of. Text that is not there is empty.

    Moments are in UTC, and taken to be in UTC where the file does not name its offset.
    `patient_*`, `issuer`, `birth_date` and `sex` are as they were sent. `rows` is None for what is
    no image. `geometry` is what `Instance.geometry` keeps, `facts` what decides whether the series
    is worth reading; see `scans.series.facts`.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str = ""
    accession_number: str = ""
    study_description: str = ""
    studied_at: datetime | None = None
    series_number: int | None = None
    series_description: str = ""
    body_part: str = ""
    acquired_at: datetime | None = None
    instance_number: int | None = None
    patient_number: str = ""
    issuer: str = ""
    patient_name: str = ""
    birth_date: date | None = None
    sex: str = ""
    frames: int = 1
    rows: int | None = None
    columns: int | None = None
    geometry: Geometry | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> "Header":
        """Read the header of a DICOM file (PS3.10), whatever object it holds.

        Raises:
            DecodeError: and nothing else, whatever the bytes: `empty_file`, `unsupported_format`
                (no DICOM file), `unsupported_transfer_syntax`, `corrupt_file`, `truncated_file`,
                `image_too_large` (a deflated one), `dicomdir` (a directory of others),
                `missing_uid`, `invalid_uid`, `too_many_frames` (than fit into the file),
                `too_many_items` (in its sequences), `no_pixel_data` (an image without).
        """
        if not data:
            raise DecodeError("empty_file", "The file is empty.")
        if data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
            raise DecodeError("unsupported_format", "The file is not a DICOM file.")
        try:
            return _header(data)
        except DecodeError:
            raise
        except Exception as error:  # pydicom raises nearly every built-in error on damaged headers
            raise DecodeError(
                "corrupt_file", "The DICOM file is damaged and cannot be read."
            ) from error


def _header(data: bytes) -> Header:
    dataset = _dataset(data)
    sop_class = _text(dataset, "SOPClassUID") or _text(dataset.file_meta, "MediaStorageSOPClassUID")
    if sop_class == MediaStorageDirectoryStorage:
        raise DecodeError("dicomdir", "The file is a DICOMDIR, which only names other files.")
    frames = number_of(dataset, "NumberOfFrames") or 1
    deflated = dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    most = MAX_FRAMES if deflated else min(MAX_FRAMES, max(1, len(data) // _LEAST_FRAME))
    if not 1 <= frames <= most:
        raise DecodeError("too_many_frames", f"The DICOM file cannot hold {frames} frames.")
    rows, columns = (_side(dataset, keyword) for keyword in ("Rows", "Columns"))
    if "Rows" not in dataset and UID(sop_class).name.endswith("Image Storage"):
        raise DecodeError("no_pixel_data", "The DICOM file holds no image.")
    return Header(
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        instance_uid=_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=sop_class[:LONGEST_UID],
        transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
        modality=_text(dataset, "Modality", 16),
        accession_number=_text(dataset, "AccessionNumber"),
        study_description=_text(dataset, "StudyDescription"),
        studied_at=moment_of(dataset, "StudyDate"),
        series_number=number_of(dataset, "SeriesNumber"),
        series_description=_text(dataset, "SeriesDescription"),
        body_part=_text(dataset, "BodyPartExamined", 16),
        acquired_at=_first_moment(dataset),
        instance_number=number_of(dataset, "InstanceNumber"),
        patient_number=_text(dataset, "PatientID"),
        issuer=_issuer(dataset),
        patient_name=_text(dataset, "PatientName", 324),
        birth_date=_date(dataset, "PatientBirthDate"),
        sex=_text(dataset, "PatientSex", 10),
        frames=frames,
        rows=rows if columns else None,
        columns=columns if rows else None,
        geometry=geometry_of(dataset, frames) if rows and columns else None,
        facts=facts_of(dataset),
    )


def _dataset(data: bytes) -> pydicom.FileDataset:
    syntax, _ = transfer_syntax_of(data)
    if syntax is None:
        raise DecodeError("corrupt_file", "The DICOM file does not say how it is encoded.")
    if syntax not in AllTransferSyntaxes:
        raise DecodeError(
            "unsupported_transfer_syntax", f"The DICOM file's encoding {syntax} is not known."
        )
    if syntax == DeflatedExplicitVRLittleEndian:
        return read_dataset(data)
    check_items(data)
    stream = io.BytesIO(data)
    dataset = pydicom.dcmread(stream, stop_before_pixels=True)
    _check_end(dataset, data, stream.tell())
    return dataset


def _check_end(dataset: pydicom.FileDataset, data: bytes, end: int) -> None:
    """Look whether everything is there that the header and the pixels' length promise.

    pydicom keeps what is left of an element without a word.
    """
    cut = any(
        isinstance(element, pydicom.dataelem.RawDataElement)
        and element.length != _UNDEFINED_LENGTH
        and element.value is not None
        and len(element.value) < element.length
        for element in dataset.values()
    )
    if cut or _half_an_element(dataset, data) or not _pixels_are_whole(dataset, data, end):
        raise DecodeError("truncated_file", _TRUNCATED)
    if "Rows" in dataset and end >= len(data):
        raise DecodeError("no_pixel_data", "The DICOM file holds no image.")


def _half_an_element(dataset: pydicom.FileDataset, data: bytes) -> bool:
    """Whether the file ends in what every element begins with, of which pydicom says nothing."""
    last = list(dataset.values())[-1:]
    if not last or not isinstance(last[0], pydicom.dataelem.RawDataElement):
        return False
    rest = data[last[0].value_tell + last[0].length :]
    return len(rest) < _ELEMENT_HEAD and rest.strip(b"\0") != b""


def _pixels_are_whole(dataset: pydicom.FileDataset, data: bytes, start: int) -> bool:
    """Whether the element that begins at `start`, if one does, ends in the file (PS3.5, 7.1)."""
    if start >= len(data):
        return True
    order: Literal["little", "big"] = "little" if dataset.is_little_endian else "big"
    long_form = not dataset.is_implicit_VR and data[start + 4 : start + 6] in _LONG_VRS
    place = slice(start + 8, start + 12) if long_form else slice(start + 4, start + 8)
    if not dataset.is_implicit_VR and not long_form:
        place = slice(start + 6, start + 8)
    if len(data) < place.stop:
        return False
    length = int.from_bytes(data[place], order)
    if length == _UNDEFINED_LENGTH:
        return data.rfind(_SEQUENCE_END, place.stop) >= 0
    return place.stop + length <= len(data)


def _text(dataset: pydicom.Dataset, keyword: str, limit: int = 64) -> str:
    text = "".join(c for c in str(value_of(dataset, keyword) or "") if c.isprintable())
    return text.strip()[:limit].strip()


def _uid(dataset: pydicom.Dataset, keyword: str) -> str:
    """A UID's digits and dots. Leading zeros are against the standard, and are sent."""
    name = dictionary_description(keyword)
    text = str(value_of(dataset, keyword) or "").strip(" \0")
    if not text:
        raise DecodeError("missing_uid", f"The DICOM file has no {name}.")
    if len(text) > LONGEST_UID or not _UID.fullmatch(text):
        raise DecodeError("invalid_uid", f"The DICOM file's {name} is none.")
    return text


def _side(dataset: pydicom.Dataset, keyword: str) -> int | None:
    number = number_of(dataset, keyword)
    return number if number and 0 < number < 2**16 else None


def _date(dataset: pydicom.Dataset, keyword: str) -> date | None:
    try:
        day = DA(str(value_of(dataset, keyword) or ""))
        return date(day.year, day.month, day.day) if day else None
    except (TypeError, ValueError):
        return None


def _first_moment(dataset: pydicom.Dataset) -> datetime | None:
    """When the series was taken: as a rule all its slices have these in common."""
    keywords = ("SeriesDate", "AcquisitionDateTime", "AcquisitionDate", "StudyDate")
    moments = (moment_of(dataset, keyword) for keyword in keywords)
    return next((moment for moment in moments if moment is not None), None)


def _issuer(dataset: pydicom.Dataset) -> str:
    """Who gave the patient's number: named, or by its qualifiers' universal id (PS3.3, 10.17)."""
    if named := _text(dataset, "IssuerOfPatientID", 150):
        return named
    for item in value_of(dataset, "IssuerOfPatientIDQualifiersSequence") or ():
        return _text(item, "UniversalEntityID", 150)
    return ""
