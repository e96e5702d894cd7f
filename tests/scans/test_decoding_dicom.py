"""Decoding DICOM: grey levels as PS3.4 annex N.2 has them, real spacing only, clear refusals."""

import zlib
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from scans.decoding import DecodedSlice, DecodeError, decode
from tests.samples import sample

RAMP = np.tile(np.arange(0, 4000, 40, dtype=np.int16), (40, 1))  # 40 x 100, values 0 to 3960
REAL = sample("dicom").read_bytes()


def real(**changes: Any) -> Dataset:
    """The real file, changed; None removes an element."""
    dataset = pydicom.dcmread(BytesIO(REAL))
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def ramp(**changes: Any) -> Dataset:
    """The real file's header around a ramp of known values, without a window."""
    own = {"Rows": 40, "Columns": 100, "PixelData": RAMP.tobytes()}
    plain = {"WindowCenter": None, "WindowWidth": None, "RescaleSlope": None}
    return real(**(own | plain | changes))


def in_bytes(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def read(dataset: Dataset) -> DecodedSlice:
    return decode(in_bytes(dataset))


def code_of(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data)
    assert caught.value.message.endswith(".")
    return caught.value.code


def test_a_real_file_gives_its_slice_spacing_and_origin() -> None:
    dataset = pydicom.dcmread(BytesIO(REAL))
    decoded = decode(REAL)
    assert decoded.format == "dicom"
    assert decoded.pixels.shape == (dataset.Rows, dataset.Columns)
    assert decoded.spacing_mm == tuple(dataset.PixelSpacing)
    assert decoded.dicom is not None
    assert decoded.dicom.series_uid == dataset.SeriesInstanceUID
    assert decoded.dicom.instance_number == dataset.InstanceNumber
    assert decoded.dicom.modality == "MR"
    assert decoded.dicom.acquired_at == datetime(2013, 7, 17, 13, 25, 18, tzinfo=UTC)


def test_where_rows_run_is_told_only_where_the_file_says_it_soundly() -> None:
    flat = [1, 0, 0, 0, 1, 0]
    assert read(ramp(ImageOrientationPatient=flat)).row_direction == (1, 0, 0)
    assert read(ramp(ImageOrientationPatient=[-v for v in flat])).row_direction == (-1, 0, 0)
    # Not there, too few, no directions, at no right angle.
    for unsound in (None, [1, 0, 0], [2, 0, 0, 0, 2, 0], [0] * 6, [1, 0, 0, 1, 0, 0]):
        assert read(ramp(ImageOrientationPatient=unsound)).row_direction is None


def test_without_a_window_nearly_all_values_span_black_to_white() -> None:
    pixels = read(ramp()).pixels
    assert pixels[0, 0] == 0
    assert pixels[0, -1] == 255
    assert abs(int(pixels[0, 50]) - 128) < 4


@pytest.mark.parametrize(
    ("function", "black_until", "white_from"),
    [("LINEAR", 999.5, 2998.5), ("LINEAR_EXACT", 1000, 3000)],
)
def test_the_first_window_decides(function: str, black_until: float, white_from: float) -> None:
    shown = read(
        ramp(WindowCenter=[2000, 40], WindowWidth=[2000, 80], VOILUTFunction=function)
    ).pixels
    assert (shown[0, RAMP[0] <= black_until] == 0).all()
    assert (shown[0, RAMP[0] >= white_from] == 255).all()
    assert abs(int(shown[0, 50]) - 128) <= 1


def test_a_sigmoid_window_is_grey_in_the_middle_and_never_cut_off() -> None:
    shown = read(ramp(WindowCenter=2000, WindowWidth=2000, VOILUTFunction="SIGMOID")).pixels[0]
    assert abs(int(shown[50]) - 128) <= 1
    assert 0 < shown[1] < shown[25] < shown[75] < shown[-2] < 255


def test_the_window_applies_to_rescaled_values() -> None:
    plain = read(ramp(WindowCenter=2000, WindowWidth=2000)).pixels
    rescaled = read(
        ramp(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=4000)
    ).pixels
    assert np.abs(plain.astype(int) - rescaled).max() <= 1


def test_a_window_that_shows_nothing_is_not_believed() -> None:
    shown = read(ramp(WindowCenter=-5000, WindowWidth=100)).pixels
    assert shown.min() == 0
    assert shown.max() == 255


def test_monochrome1_is_turned_bright_for_more() -> None:
    assert read(ramp(PhotometricInterpretation="MONOCHROME1")).pixels[0, 0] == 255


def test_padding_is_black_and_does_not_dim_the_rest() -> None:
    padded = RAMP.copy()
    padded[:, :10] = -32768
    dataset = ramp(PixelData=padded.tobytes())
    dataset.add_new("PixelPaddingValue", "SS", -32768)
    shown = read(dataset).pixels
    assert (shown[:, :10] == 0).all()
    assert shown[0, -1] == 255
    assert shown[0, 12] < 30


def test_a_voi_lut_is_looked_up() -> None:
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 8]
    steps = (np.arange(4096) >= 2000) * 255
    lut.add_new("LUTData", "US", steps.tolist())
    shown = read(ramp(VOILUTSequence=Sequence([lut]))).pixels[0]
    assert set(shown[RAMP[0] < 2000]) == {0}
    assert set(shown[RAMP[0] >= 2000]) == {255}


def test_colour_pixels_stay_colour() -> None:
    colours = np.zeros((40, 100, 3), np.uint8)
    colours[..., 0] = 200
    decoded = read(
        ramp(
            PixelData=colours.tobytes(),
            SamplesPerPixel=3,
            PlanarConfiguration=0,
            PhotometricInterpretation="RGB",
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
        )
    )
    np.testing.assert_array_equal(decoded.pixels, colours)


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
def test_a_losslessly_compressed_file_gives_the_same_slice(syntax: UID) -> None:
    dataset = real()
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(read(dataset).pixels, decode(REAL).pixels)


def test_a_big_endian_file_gives_the_same_slice() -> None:
    dataset = real()
    dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    np.testing.assert_array_equal(decode(stream.getvalue()).pixels, decode(REAL).pixels)


def eight_bit(syntax: UID, extension: str, **changes: Any) -> Dataset:
    """The real slice in 8 bits, its pixels encoded as a file of this extension."""
    _, encoded = cv2.imencode(extension, decode(REAL).pixels)
    depth = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    dataset = real(**depth, **changes)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([encoded.tobytes()])
    dataset["PixelData"].VR = "OB"
    return dataset


def test_a_jpeg_inside_is_decoded() -> None:
    shown = read(eight_bit(JPEGBaseline8Bit, ".jpg", WindowCenter=128, WindowWidth=256)).pixels
    assert np.abs(shown.astype(int) - decode(REAL).pixels).mean() < 2


@pytest.mark.parametrize(
    ("dataset", "spacing"),
    [
        (real(PixelSpacing=[0.5, 2]), (0.5, 2.0)),
        (real(PixelSpacing=None), None),
        (real(PixelSpacing=None, ImagerPixelSpacing=[0.5, 0.5]), None),
        (real(PixelSpacing=None, NominalScannedPixelSpacing=[0.5, 0.5]), None),
        (real(PixelSpacing=[0, 0.5]), None),
        (real(PixelSpacing=[-1, 0.5]), None),
    ],
)
def test_spacing_is_real_or_absent(dataset: Dataset, spacing: tuple[float, float] | None) -> None:
    assert read(dataset).spacing_mm == spacing


def test_an_enhanced_object_with_one_frame_gives_spacing_and_window() -> None:
    measures, window, groups = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.4, 0.6]
    window.WindowCenter, window.WindowWidth = 2000, 2000
    groups.PixelMeasuresSequence = Sequence([measures])
    groups.FrameVOILUTSequence = Sequence([window])
    decoded = read(
        ramp(
            PixelSpacing=None,
            NumberOfFrames=1,
            SharedFunctionalGroupsSequence=Sequence([groups]),
        )
    )
    assert decoded.spacing_mm == (0.4, 0.6)
    assert (decoded.pixels[0, :25] == 0).all()


def test_the_time_of_acquisition_keeps_its_offset() -> None:
    decoded = read(real(TimezoneOffsetFromUTC="+0200"))
    assert decoded.dicom is not None
    expected = datetime(2013, 7, 17, 13, 25, 18, tzinfo=timezone(timedelta(hours=2)))
    assert decoded.dicom.acquired_at == expected


def test_unusable_descriptions_do_not_cost_the_slice() -> None:
    dataset = real(StudyDescription="MR\0 head\r\n" + "x" * 40, AcquisitionDate=None)
    dataset.SeriesDate = dataset.StudyDate = None
    decoded = read(dataset)
    assert decoded.dicom is not None
    assert decoded.dicom.acquired_at is None
    assert decoded.dicom.study_description is not None
    assert decoded.dicom.study_description.isprintable()


@pytest.mark.parametrize(
    ("dataset", "code"),
    [
        pytest.param(real(NumberOfFrames=20), "multi_frame_dicom", id="multi-frame"),
        pytest.param(real(PixelData=None), "no_pixel_data", id="no pixels"),
        pytest.param(real(PixelData=b""), "no_pixel_data", id="empty pixels"),
        pytest.param(real(Rows=20_000, Columns=20_000), "image_too_large", id="too large"),
        pytest.param(real(Rows=1, Columns=1), "image_too_small", id="too small"),
        pytest.param(real(Rows=400), "truncated_file", id="fewer pixels than promised"),
        pytest.param(real(Rows=None), "corrupt_file", id="no size"),
        pytest.param(
            real(PhotometricInterpretation="HSV"), "unsupported_pixels", id="colour model"
        ),
        pytest.param(
            eight_bit(JPEG2000Lossless, ".bmp"), "corrupt_file", id="another codec than it says"
        ),
        pytest.param(
            eight_bit(JPEGBaseline8Bit, ".jpg", Rows=300), "corrupt_file", id="size contradicts"
        ),
        pytest.param(eight_bit(MPEG2MPML, ".jpg"), "unsupported_transfer_syntax", id="a film"),
    ],
)
def test_what_cannot_be_read_says_why(dataset: Dataset, code: str) -> None:
    assert code_of(in_bytes(dataset)) == code


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_refused(share: float, compressed: bool) -> None:
    data = in_bytes(eight_bit(JPEGBaseline8Bit, ".jpg")) if compressed else REAL
    assert code_of(data[: int(len(data) * share)]) == "truncated_file"


def test_a_deflated_bomb_is_not_inflated() -> None:
    dataset = real()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = in_bytes(dataset)
    meta_length = pydicom.dcmread(BytesIO(data)).file_meta.FileMetaInformationGroupLength
    head = data[: 144 + meta_length]
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    megabyte = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    assert code_of(head + 300 * megabyte) == "image_too_large"


HEAD = 3000  # bytes in which the header lies: damage there tells more than damage to pixels
SMALL = in_bytes(ramp())


@given(
    st.lists(st.tuples(st.integers(128, HEAD), st.integers(0, 255)), min_size=1, max_size=6),
    st.floats(0.05, 1),
)
def test_damage_raises_nothing_but_decode_errors(
    changes: list[tuple[int, int]], kept: float
) -> None:
    data = bytearray(SMALL)
    for place, value in changes:
        data[place] = value
    try:
        ndim = decode(bytes(data[: int(kept * len(data))])).pixels.ndim
    except DecodeError:
        return
    assert ndim in (2, 3)
