"""Stored objects as they go out: as they are, or in Explicit VR Little Endian."""

from collections.abc import Iterator
from io import BytesIO

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from dicom.dicomweb.frames import opened
from dicom.dicomweb.multipart import CHUNK
from scans.models import Instance

DEFAULT_SYNTAX = str(ExplicitVRLittleEndian)  # PS3.18, 8.7.3.5.2: where nothing else is asked for


def content(instance: Instance, syntax: str) -> tuple[str, Iterator[bytes]]:
    """Return an object's transfer syntax and its bytes in pieces.

    Args:
        syntax: As asked for: one, `*`, or nothing. What cannot be had in this syntax comes as it is
            stored, which the first of the two says.
    """
    wanted = syntax or DEFAULT_SYNTAX
    rewritten = wanted == DEFAULT_SYNTAX != instance.transfer_syntax_uid
    if rewritten and (data := _explicit(instance)) is not None:
        return DEFAULT_SYNTAX, iter([data])
    return instance.transfer_syntax_uid, _stored(instance)


def _stored(instance: Instance) -> Iterator[bytes]:
    with instance.file.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _explicit(instance: Instance) -> bytes | None:
    """Write an object anew; None where its pixels cannot be unpacked."""
    try:
        with instance.file.open("rb") as file:
            dataset = pydicom.dcmread(file)
        syntax = dataset.file_meta.TransferSyntaxUID
        if instance.rows and (syntax.is_encapsulated or not syntax.is_little_endian):
            _unpack(instance, dataset)
        out = BytesIO()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(
            out, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True
        )
        return out.getvalue()
    except Exception:  # whatever is wrong with it, the stored object is there and is its truth
        return None


def _unpack(instance: Instance, dataset: pydicom.FileDataset) -> None:
    with opened(instance) as image:
        pixels = b"".join(image.unpacked(index) for index in range(image.frames))
    wide = dataset.BitsAllocated > 8
    dataset.add_new("PixelData", "OW" if wide else "OB", pixels + b"\0" * (len(pixels) % 2))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated and dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        dataset.pop(keyword, None)
