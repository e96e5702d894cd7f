"""Every transfer syntax gives the pixels that were put in, at every depth and with odd rows."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from scans.decoding import DecodeError, decode
from scans.decoding.dicom_pixels import stored_values
from tests.samples import sample

Values = npt.NDArray[Any]
HEAD = pydicom.dcmread(sample("dicom")).pixel_array[100:157, 80:133].astype(np.int32)  # 57 x 53
DEPTHS = [(8, False), (8, True), (10, False), (12, False), (12, True), (16, False), (16, True)]


def values_of(bits: int, signed: bool) -> Values:
    """The slice, stretched over all values of a depth."""
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    low = -top - 1 if signed else 0
    spread = low + HEAD * (top - low) // HEAD.max()
    return spread.astype(f"{'i' if signed else 'u'}{1 if bits == 8 else 2}")


def unsigned(values: Values, bits: int) -> Values:
    """What is handed to codecs that know no sign: the bits alone."""
    return (values.astype(np.int64) & (2**bits - 1)).astype(f"u{values.dtype.itemsize}")


def in_dicom(values: Values, bits: int, syntax: UID, frame: bytes | None) -> bytes:
    dataset = pydicom.dcmread(sample("dicom"))
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = values.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.file_meta.TransferSyntaxUID = syntax
    big = syntax == ExplicitVRBigEndian
    native = values.astype(values.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset.PixelData = native + bytes(len(native) % 2) if frame is None else encapsulate([frame])
    dataset["PixelData"].VR = "OB" if frame is not None or bits == 8 else "OW"
    if syntax == RLELossless:
        dataset.PixelData = native + bytes(len(native) % 2)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    stream = BytesIO()
    if big:
        pydicom.dcmwrite(
            stream, dataset, implicit_vr=False, little_endian=False, force_encoding=True
        )
    else:
        dataset.save_as(stream)
    return stream.getvalue()


def lossless_jpeg(values: Values, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(unsigned(values, bits), lossless=True, bitspersample=bits)
    )


def jpeg_ls(values: Values, bits: int) -> bytes:
    # At its own depth where imagecodecs writes one, else at 16 bits, with the sign in all of them.
    return bytes(imagecodecs.jpegls_encode(values.view(f"u{values.dtype.itemsize}")))


def jpeg_2000(values: Values, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            values, codecformat="j2k", reversible=True, level=0, bitspersample=bits
        )
    )


def high_throughput(values: Values, bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(values))


LOSSLESS: list[tuple[UID, Callable[[Values, int], bytes] | None]] = [
    (ImplicitVRLittleEndian, None),
    (ExplicitVRLittleEndian, None),
    (ExplicitVRBigEndian, None),
    (DeflatedExplicitVRLittleEndian, None),
    (RLELossless, None),
    (JPEGLossless, lossless_jpeg),
    (JPEGLosslessSV1, lossless_jpeg),
    (JPEGLSLossless, jpeg_ls),
    (JPEGLSNearLossless, jpeg_ls),
    (JPEG2000Lossless, jpeg_2000),
    (JPEG2000, jpeg_2000),
    (HTJ2KLossless, high_throughput),
    (HTJ2KLosslessRPCL, high_throughput),
    (HTJ2K, high_throughput),
]


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS, ids=lambda v: getattr(v, "name", None))
def test_what_was_put_in_comes_out(
    syntax: UID, encode: Callable[[Values, int], bytes] | None
) -> None:
    for bits, signed in DEPTHS:
        values = values_of(bits, signed)
        frame = encode(values, bits) if encode else None
        dataset = pydicom.dcmread(BytesIO(in_dicom(values, bits, syntax, frame)))
        out = stored_values(dataset, 0)
        np.testing.assert_array_equal(out, values, err_msg=f"{bits} bits, signed: {signed}")


def test_a_jpeg_of_12_bits_is_decoded() -> None:
    values = values_of(12, signed=False)
    frame = bytes(imagecodecs.jpeg8_encode(values, level=98, bitspersample=12))
    dataset = pydicom.dcmread(BytesIO(in_dicom(values, 12, JPEGExtended12Bit, frame)))
    assert np.abs(stored_values(dataset, 0).astype(int) - values).mean() < 20  # of 4095


FRAMES = {
    syntax: encode(values_of(16, signed=False), 16)
    for syntax, encode in LOSSLESS
    if encode is not None
}


@pytest.mark.parametrize("syntax", FRAMES, ids=lambda syntax: syntax.name)
def test_a_frame_that_ends_early_is_refused(syntax: UID) -> None:
    frame = FRAMES[syntax]
    for share in (0.5, 0.9):
        cut = in_dicom(values_of(16, False), 16, syntax, frame[: int(len(frame) * share)])
        with pytest.raises(DecodeError):
            decode(cut)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(FRAMES)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_a_damaged_frame_raises_nothing_but_decode_errors(
    syntax: UID, changes: list[tuple[float, int]]
) -> None:
    frame = bytearray(FRAMES[syntax])
    for place, value in changes:
        frame[int(place * len(frame))] = value
    try:
        shape = decode(in_dicom(values_of(16, False), 16, syntax, bytes(frame))).pixels.shape
    except DecodeError:
        return
    assert shape == HEAD.shape


def test_padding_behind_the_end_of_a_frame_does_no_harm() -> None:
    values = values_of(12, signed=False)
    data = in_dicom(values, 12, JPEGLosslessSV1, lossless_jpeg(values, 12) + b"\0\0")
    dataset = pydicom.dcmread(BytesIO(data))
    assert get_frame(dataset.PixelData, 0, number_of_frames=1).endswith(b"\0\0")
    np.testing.assert_array_equal(stored_values(dataset, 0), values)
