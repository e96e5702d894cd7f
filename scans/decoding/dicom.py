"""DICOM files (PS3.10): the checks, the header's facts, and the real spacing."""

import io
import logging
import math
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.tag import Tag
from pydicom.uid import UID, AllTransferSyntaxes, DeflatedExplicitVRLittleEndian
from pydicom.valuerep import DA, DT, TM

from scans.decoding.dicom_pixels import PIXEL_KEYWORDS, stored_values, to_pixels
from scans.decoding.types import DecodedSlice, DecodeError, DicomInfo, check_size

# What pydicom has to say about a damaged file is told by DecodeError, not on stderr.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")

_UNDEFINED_LENGTH = 0xFFFFFFFF
_ENCAPSULATED_PIXEL_DATA = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"  # PS3.5 table A.4-1
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")  # how items of sequences begin, PS3.5, 7.5
_MOST_ITEMS = 300_000  # each costs 30 us and a kilobyte to read
_LARGEST_INFLATED = 1 << 28  # bytes of a deflated data set: above any slice of MAX_PIXELS
_LARGEST_INSTANCE_NUMBER = 2**31 - 1  # IS, PS3.5 section 6.2
_MACROS = (
    "PixelMeasuresSequence",
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
    "PlaneOrientationSequence",
)
_UNIT = 1e-2  # how far a direction may be from length 1, and two from a right angle
_SPACING_MM = (0.001, 100.0)  # what no scanner does is not a real spacing
_ORIENTATION = Tag("ImageOrientationPatient")
_LONGEST_TEXT = 64  # LO and UI, PS3.5 section 6.2
_TRUNCATED = "The DICOM file ends early; it was probably not copied completely."
_MULTI_FRAME = "The DICOM file holds {frames} frames; send it as a series, which takes them all."


def decode_dicom(data: bytes) -> DecodedSlice:
    """Decode a single-frame DICOM file; see `decode` for the errors.

    Spacing is Pixel Spacing (0028,0030) alone. Imager Pixel Spacing and Nominal Scanned Pixel
    Spacing are distances on a detector or on a film, not in the patient (PS3.3 section 10.7).
    """
    with damage_told():
        dataset = open_image(data)
        frames = number_of_frames(dataset)
        if frames > 1:
            raise DecodeError("multi_frame_dicom", _MULTI_FRAME.format(frames=frames))
        own = frame_attributes(dataset, 0)
        return slice_of(own, to_pixels(own, stored_values(dataset, 0)), info_of(dataset))


@contextmanager
def damage_told() -> Iterator[None]:
    """Make a DecodeError of whatever is raised on damaged headers, which is nearly everything."""
    try:
        # Absurd rescale values end in infinities; these are looked for.
        with np.errstate(all="ignore"):
            yield
    except DecodeError:
        raise
    except Exception as error:
        raise DecodeError(
            "corrupt_file", "The DICOM file is damaged and cannot be read."
        ) from error


def open_image(data: bytes) -> pydicom.FileDataset:
    """Read a DICOM file and check that it is whole and holds an image of a sensible size."""
    dataset = read_dataset(data)
    has_pixels = any(keyword in dataset for keyword in PIXEL_KEYWORDS)
    if "Rows" in dataset and "Columns" in dataset:
        check_size(int(dataset.Columns), int(dataset.Rows))
    elif has_pixels:
        raise DecodeError("corrupt_file", "The DICOM file does not say how large its image is.")
    if _ends_early(dataset, data):
        raise DecodeError("truncated_file", _TRUNCATED)
    if not has_pixels:
        raise DecodeError("no_pixel_data", "The DICOM file holds no image.")
    return dataset


def number_of_frames(dataset: pydicom.Dataset) -> int:
    return max(1, int(dataset.get("NumberOfFrames") or 1))


def frame_attributes(dataset: pydicom.Dataset, index: int) -> pydicom.Dataset:
    """Return what holds for one frame (from 0): its own functional groups, then those of all
    (PS3.3, section C.7.6.16), then the object's plain attributes."""
    own = dataset.group_dataset(0x0028)
    if "ImageOrientationPatient" in dataset:
        own[_ORIENTATION] = dataset.get_item(_ORIENTATION)
    groups = dataset.get("SharedFunctionalGroupsSequence") or []
    each = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*groups[:1], *each[index : index + 1]]:
        for macro in _MACROS:
            for item in (value_of(group, macro) or [])[:1]:
                own.update(item)
    return own


def slice_of(own: pydicom.Dataset, pixels: npt.NDArray[np.uint8], info: DicomInfo) -> DecodedSlice:
    return DecodedSlice(
        pixels=pixels,
        format="dicom",
        spacing_mm=_spacing(own),
        dicom=info,
        row_direction=_row_direction(own),
    )


def read_dataset(data: bytes) -> pydicom.FileDataset:
    syntax, start = transfer_syntax_of(data)
    if syntax is not None and syntax not in AllTransferSyntaxes:
        raise DecodeError(
            "unsupported_transfer_syntax", f"The DICOM file's encoding {syntax} is not known."
        )
    if syntax == DeflatedExplicitVRLittleEndian:
        # pydicom inflates without a limit: a small file could fill the memory.
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(data[start:], _LARGEST_INFLATED)
        if inflater.unconsumed_tail:
            raise DecodeError("image_too_large", "The DICOM file unpacks to too many bytes.")
        if not inflater.eof:
            raise DecodeError("truncated_file", _TRUNCATED)
        check_items(inflated)
    check_items(data)
    return pydicom.dcmread(io.BytesIO(data))


def check_items(data: bytes) -> None:
    """Refuse what a parser would be busy with for minutes: sequences of millions of items.

    Raises:
        DecodeError: `too_many_items`.
    """
    if sum(map(data.count, _ITEMS)) > _MOST_ITEMS:
        raise DecodeError("too_many_items", "The DICOM file's sequences have too many items.")


def transfer_syntax_of(data: bytes) -> tuple[UID | None, int]:
    """Read the file meta group alone: the transfer syntax and where the data set begins."""
    stream = io.BytesIO(data)
    stream.seek(132)
    meta = pydicom.filereader.read_dataset(
        stream, is_implicit_VR=False, is_little_endian=True, stop_when=_is_past_file_meta
    )
    return meta.get("TransferSyntaxUID"), stream.tell()


def _is_past_file_meta(tag: Any, _vr: str | None, _length: int) -> bool:
    return bool(tag.group != 2)


def _ends_early(dataset: pydicom.Dataset, data: bytes) -> bool:
    """Whether the file was cut: pydicom keeps what is left of an element without a word."""
    if "PixelData" not in dataset and _ENCAPSULATED_PIXEL_DATA in data:
        return True  # pydicom drops compressed pixels whose end it does not find
    return any(
        isinstance(element, pydicom.dataelem.RawDataElement)
        and element.length != _UNDEFINED_LENGTH
        and element.value is not None
        and len(element.value) < element.length
        for element in dataset.values()
    )


def _spacing(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    try:
        row, column = (float(value) for value in dataset.PixelSpacing)
    except (AttributeError, TypeError, ValueError):
        return None
    if all(_SPACING_MM[0] <= value <= _SPACING_MM[1] for value in (row, column)):
        return row, column
    return None


def _row_direction(dataset: pydicom.Dataset) -> tuple[float, float, float] | None:
    try:
        x, y, z, *down = (float(value) for value in value_of(dataset, "ImageOrientationPatient"))
    except (TypeError, ValueError, OverflowError):
        return None
    return (x, y, z) if is_orientation([x, y, z, *down]) else None


def is_orientation(directions: Sequence[float]) -> bool:
    """Whether these are two unit vectors at a right angle: along a row, then along a column."""
    row, column = directions[:3], directions[3:]
    return (
        len(directions) == 6
        and abs(sum(a * b for a, b in zip(row, column, strict=True))) < _UNIT
        and all(abs(math.hypot(*each) - 1) <= _UNIT for each in (row, column))
    )


def info_of(dataset: pydicom.Dataset) -> DicomInfo:
    return DicomInfo(
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        instance_uid=_uid(dataset, "SOPInstanceUID"),
        instance_number=number_of(dataset, "InstanceNumber"),
        modality=_text(dataset, "Modality"),
        study_description=_text(dataset, "StudyDescription"),
        series_description=_text(dataset, "SeriesDescription"),
        acquired_at=_acquired_at(dataset),
    )


def value_of(dataset: pydicom.Dataset, keyword: str) -> Any:
    """An attribute's value; None where it is absent or cannot be read."""
    try:
        return dataset.get(keyword)
    except Exception:  # one unreadable descriptive value must not cost the image
        return None


def _text(dataset: pydicom.Dataset, keyword: str) -> str | None:
    text = "".join(c for c in str(value_of(dataset, keyword) or "") if c.isprintable())
    return text.strip()[:_LONGEST_TEXT] or None


def _uid(dataset: pydicom.Dataset, keyword: str) -> str | None:
    text = _text(dataset, keyword)
    return text if text and re.fullmatch(r"[0-9.]+", text) else None


def number_of(dataset: pydicom.Dataset, keyword: str) -> int | None:
    try:
        number = int(value_of(dataset, keyword))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) <= _LARGEST_INSTANCE_NUMBER else None


def _acquired_at(dataset: pydicom.Dataset) -> datetime | None:
    """When the slice was taken; UTC where the file does not name its offset (0008,0201)."""
    for keyword in ("AcquisitionDateTime", "AcquisitionDate", "SeriesDate", "StudyDate"):
        moment = moment_of(dataset, keyword)
        if moment is not None:
            return moment
    return None


def moment_of(dataset: pydicom.Dataset, keyword: str) -> datetime | None:
    text = str(value_of(dataset, keyword) or "")
    try:
        if not keyword.endswith("DateTime"):
            date = DA(text)
            time = TM(str(value_of(dataset, keyword.replace("Date", "Time")) or "000000"))
            if date is None or time is None:
                return None
            text = f"{date:%Y%m%d}{time:%H%M%S.%f}"
        offset = str(value_of(dataset, "TimezoneOffsetFromUTC") or "")
        moment = DT(text)
        if moment is not None and moment.tzinfo is None and offset:
            moment = DT(f"{text}{offset}")
        if moment is None:
            return None
        zone = moment.tzinfo or UTC
        # In UTC: an offset can lead out of the years that there are, which overflows here.
        return datetime.combine(moment.date(), moment.time(), zone).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
