"""Single frames of stored images: as they are stored, or unpacked (PS3.5, annex A; PS3.18, 8.7.3).

Only the frame that is asked for is read, as far as the encoding lets one find it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from dicom.dicomweb.metadata import read_header
from scans.decoding import DecodeError
from scans.decoding.dicom_pixels import stored_values
from scans.models import Instance
from scans.series.frames import find, lifted

_HTJ2K = "1.2.840.10008.1.2.4.20"  # .201, .202, .203
_JPEG_2000 = {*JPEG2000TransferSyntaxes, "1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"}
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"UN", b"OL", b"OV")
_SHOWN_BY = (
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "RescaleIntercept",
    "RescaleSlope",
)


def media_type_of(syntax: str) -> str | None:
    """The media type of a frame that is stored in this syntax; None: it is not compressed."""
    if syntax in JPEGTransferSyntaxes:
        return "image/jpeg"
    if syntax in JPEGLSTransferSyntaxes:
        return "image/jls"
    if syntax.startswith(_HTJ2K):
        return "image/jphc"
    if syntax in _JPEG_2000:
        return "image/jp2"
    if syntax == RLELossless:
        return "image/dicom-rle"
    return "application/octet-stream" if UID(syntax).is_encapsulated else None


@dataclass
class Image:
    """The pixels of one stored object. Frames are counted from 0 here."""

    header: pydicom.FileDataset
    pixels: IO[bytes]
    start: int
    length: int

    @property
    def syntax(self) -> UID:
        return UID(self.header.file_meta.TransferSyntaxUID)

    @property
    def frames(self) -> int:
        return int(self.header.get("NumberOfFrames") or 1)

    def stored(self, index: int) -> bytes:
        """Return a frame as it is in the file; of a plain encoding, in little endian.

        Frames of single bits begin with a byte of their own.

        Raises:
            DecodeError: `corrupt_file` when it is not there.
        """
        try:
            return self._encoded(index) if self.syntax.is_encapsulated else self._plain(index)
        except DecodeError:
            raise
        except Exception as error:  # pydicom raises several on damaged fragments
            raise _damaged() from error

    def unpacked(self, index: int) -> bytes:
        """Return a frame as Explicit VR Little Endian has it.

        Raises:
            DecodeError: it cannot be decoded.
        """
        if not self.syntax.is_encapsulated:
            return self.stored(index)
        values = values_of(single(self, index))
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()

    def value(self) -> bytes:
        """Return all frames of a plain encoding as Explicit VR Little Endian has them."""
        if self.syntax == ExplicitVRBigEndian:
            return b"".join(map(self.stored, range(self.frames)))
        self.pixels.seek(self.start)
        return self.pixels.read(self.length)

    def _encoded(self, index: int) -> bytes:
        self.pixels.seek(self.start)
        offsets = None
        if table := self.header.get("ExtendedOffsetTable"):
            offsets = (table, self.header.ExtendedOffsetTableLengths)
        return get_frame(self.pixels, index, extended_offsets=offsets, number_of_frames=self.frames)

    def _plain(self, index: int) -> bytes:
        bits = self._bits()
        first, last = index * bits, (index + 1) * bits
        if (last + 7) // 8 > self.length:
            raise _damaged()
        self.pixels.seek(self.start + first // 8)
        data = self.pixels.read((last + 7) // 8 - first // 8)
        if first % 8 or last % 8:
            spread = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            picked = spread[first % 8 : first % 8 + bits]
            return np.packbits(picked, bitorder="little").tobytes()
        if self.syntax == ExplicitVRBigEndian and self.header.BitsAllocated > 8:
            return np.frombuffer(data, f">u{self.header.BitsAllocated // 8}").byteswap().tobytes()
        return data

    def _bits(self) -> int:
        """The size of a frame."""
        header = self.header
        bits = int(header.Rows * header.Columns * header.SamplesPerPixel * header.BitsAllocated)
        return bits * 2 // 3 if header.PhotometricInterpretation == "YBR_FULL_422" else bits


@contextmanager
def opened(instance: Instance) -> Iterator[Image]:
    """Open the pixels of a stored image.

    Raises:
        DecodeError: `no_pixel_data`, `corrupt_file`.
    """
    with instance.file.open("rb") as file:
        if instance.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            header = pydicom.dcmread(file)
            value = header.get("PixelData") or b""
            yield Image(header, BytesIO(value), 0, len(value))
            return
        header = read_header(file)
        start, length = _place(file, header)
        yield Image(header, file, start, length)


def single(image: Image, index: int) -> pydicom.FileDataset:
    """Return a data set with one frame alone and all that says how its pixels are meant.

    The frame is as it is stored; of an enhanced object it has its own windows and slopes.

    Raises:
        DecodeError: `corrupt_file` when the frame is not there.
    """
    meta = FileMetaDataset()
    alone = pydicom.FileDataset("", image.header.group_dataset(0x0028), file_meta=meta)
    alone.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if image.syntax.is_encapsulated:
        alone.file_meta.TransferSyntaxUID = image.syntax
    alone.NumberOfFrames = 1
    frame = image.stored(index)
    data = (
        encapsulate([frame]) if image.syntax.is_encapsulated else frame + b"\0" * (len(frame) % 2)
    )
    wide = alone.get("BitsAllocated", 16) > 8 and not image.syntax.is_encapsulated
    alone.add_new("PixelData", "OW" if wide else "OB", data)
    own = Dataset()
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if groups := image.header.get(keyword):
            of_frame = keyword.startswith("Per")
            setattr(own, keyword, [groups[index]] if of_frame and index < len(groups) else groups)
    for keyword in _SHOWN_BY:
        if keyword not in alone and (value := find(lifted(own), keyword)) is not None:
            setattr(alone, keyword, value)
    return alone


def values_of(frame: pydicom.FileDataset) -> npt.NDArray[Any]:
    """Return the stored values of what `single` gives: (H, W), or (H, W, 3) in RGB.

    Raises:
        DecodeError: they cannot be decoded.
    """
    try:
        return stored_values(frame, 0)
    except DecodeError:
        raise
    except Exception as error:  # pydicom raises nearly every built-in error on damaged headers
        raise _damaged() from error


def _place(file: IO[bytes], header: pydicom.FileDataset) -> tuple[int, int]:
    """Where the value of the element that the file stands before begins, and how long it is."""
    begin = file.tell()
    head = file.read(12)
    if len(head) < 12:
        raise DecodeError("no_pixel_data", "The DICOM file holds no image.")
    syntax = UID(header.file_meta.TransferSyntaxUID)
    order: Literal["little", "big"] = "little" if syntax.is_little_endian else "big"
    if not syntax.is_implicit_VR and head[4:6] in _LONG_VRS:
        length, start = int.from_bytes(head[8:12], order), begin + 12
    else:
        length, start = int.from_bytes(head[4:8], order), begin + 8
    return start, length


def _damaged() -> DecodeError:
    return DecodeError("corrupt_file", "The image inside the DICOM file is damaged.")
