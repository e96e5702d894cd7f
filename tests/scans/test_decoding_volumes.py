"""Many slices in one file: frames of DICOM objects, and NIfTI volumes."""

import gzip
from functools import partial
from io import BytesIO

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLosslessSV1

from inference.engine.sources import FrameSlices, Source
from scans.decoding import DecodeError, decode, decode_frames, decode_volume, series_levels
from tests.samples import sample
from tests.series.make import as_bytes, make_enhanced

RAMPS = np.stack([np.tile(np.arange(0, 40), (40, 1)) * (n + 1) for n in range(3)]).astype("<u2")


def multi_frame(**changes: object) -> Dataset:
    dataset = pydicom.dcmread(sample("dicom"))
    frames, dataset.Rows, dataset.Columns = RAMPS.shape
    dataset.NumberOfFrames, dataset.PixelRepresentation = frames, 0
    dataset.PixelData = RAMPS.tobytes()
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def enhanced() -> Dataset:
    """Each frame with a spacing, a window and a slope of its own."""
    groups = []
    for number in range(len(RAMPS)):
        measures, window, rescale, group = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing = [1 + number, 2 + number]
        window.WindowCenter, window.WindowWidth, window.VOILUTFunction = 40, 80, "LINEAR_EXACT"
        rescale.RescaleSlope, rescale.RescaleIntercept = 2 / (number + 1), 0
        group.PixelMeasuresSequence = Sequence([measures])
        group.FrameVOILUTSequence = Sequence([window])
        group.PixelValueTransformationSequence = Sequence([rescale])
        groups.append(group)
    return multi_frame(PerFrameFunctionalGroupsSequence=Sequence(groups))


def in_bytes(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def code_of(data: bytes, volume: bool = True) -> str:
    with pytest.raises(DecodeError) as caught:
        decode_volume(data) if volume else list(decode_frames(data))
    assert caught.value.message.endswith(".")
    return caught.value.code


def test_each_frame_has_its_own_spacing_window_and_slope() -> None:
    frames = list(decode_frames(in_bytes(enhanced())))
    assert [frame.spacing_mm for frame in frames] == [(1, 2), (2, 3), (3, 4)]
    for frame in frames:  # slopes make them the same
        assert np.abs(frame.pixels.astype(int) - np.arange(40) * 2 / 80 * 255).max() <= 1


def test_frames_say_where_their_rows_run() -> None:
    for plane, direction in (("axial", (1, 0, 0)), ("sagittal", (0, 1, 0))):
        frames = list(decode_frames(as_bytes(make_enhanced(plane, slices=3))))
        assert [frame.row_direction for frame in frames] == [direction] * 3


def test_frames_come_in_the_order_in_which_they_are_wanted() -> None:
    data = in_bytes(enhanced())
    everything = list(decode_frames(data))
    assert [f.spacing_mm for f in decode_frames(data, [2, 0])] == [(3, 4), (1, 2)]
    np.testing.assert_array_equal(next(decode_frames(data, [1])).pixels, everything[1].pixels)
    with pytest.raises(DecodeError) as caught:
        decode_frames(data, [3])
    assert caught.value.code == "no_such_frame"


def test_frames_without_a_window_share_one_and_so_do_the_files_of_a_series() -> None:
    brightest = [int(f.pixels.max()) for f in decode_frames(in_bytes(multi_frame()))]
    assert brightest[0] < brightest[1] < brightest[2] == 255
    files = []
    for ramp in RAMPS:
        one = multi_frame(NumberOfFrames=1)
        one.PixelData = ramp.tobytes()
        files.append(in_bytes(one))
    levels = series_levels(files)
    shown = [int(next(decode_frames(file, levels=levels)).pixels.max()) for file in files]
    assert shown == brightest


def test_a_damaged_object_or_frame_costs_only_itself() -> None:
    import imagecodecs

    good, odd = multi_frame(NumberOfFrames=1), multi_frame(NumberOfFrames=1)
    good.PixelData = odd.PixelData = RAMPS[0].tobytes()
    odd.PhotometricInterpretation = "MONOCHROME9"
    assert series_levels([in_bytes(odd), in_bytes(good)]) == series_levels([in_bytes(good)])
    assert series_levels([in_bytes(odd), b"none"]) is None

    dataset = multi_frame()
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    frames = [bytes(imagecodecs.jpeg8_encode(r, lossless=True, bitspersample=16)) for r in RAMPS]
    dataset.PixelData = encapsulate([frames[0], b"no picture", frames[2]])
    dataset["PixelData"].VR = "OB"
    slices = FrameSlices([Source("one", partial(in_bytes, dataset), n, 3) for n in range(3)])
    assert slices[0].pixels.max() < slices[2].pixels.max() == 255
    with pytest.raises(DecodeError):
        slices[1]


@pytest.mark.parametrize("table", ["none", "basic", "extended"])
def test_frames_are_found_by_whatever_table_there_is(table: str) -> None:
    import imagecodecs

    dataset = enhanced()
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    frames = [bytes(imagecodecs.jpeg8_encode(r, lossless=True, bitspersample=16)) for r in RAMPS]
    if table == "extended":
        dataset.PixelData, offsets, lengths = encapsulate_extended(frames)
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    else:
        dataset.PixelData = encapsulate(frames, has_bot=table == "basic")
    dataset["PixelData"].VR = "OB"
    for frame, plain in zip(
        decode_frames(in_bytes(dataset)), decode_frames(in_bytes(enhanced())), strict=True
    ):
        np.testing.assert_array_equal(frame.pixels, plain.pixels)


def test_a_single_slice_is_still_wanted_where_one_is_asked_for() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(in_bytes(multi_frame()))
    assert caught.value.code == "multi_frame_dicom"
    assert "series" in caught.value.message


def test_more_frames_than_there_are_pixels_for_are_refused() -> None:
    assert (
        code_of(in_bytes(multi_frame(NumberOfFrames=2_000_000)), volume=False) == "truncated_file"
    )


# --- NIfTI ----------------------------------------------------------------------------------

# Each voxel says where it is in the patient: x to the left, y to the back, z to the head.
SHAPE = (34, 40, 36)
WHERE = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij")).astype(np.int16)


def nifti(
    values: npt.NDArray[np.generic],
    affine: npt.NDArray[np.float64] | None = None,
    units: str = "mm",
) -> bytes:
    image = nibabel.Nifti1Image(values, np.diag([-1.5, -1, 2, 1]) if affine is None else affine)
    image.header.set_xyzt_units(units)
    return bytes(image.to_bytes())


def test_a_volume_lies_as_radiologists_look_at_it_however_it_is_stored() -> None:
    plain = decode_volume(nifti(WHERE[1]))
    turned = WHERE[1][::-1, ::-1].transpose(2, 0, 1)  # stored another way round
    affine = np.zeros((4, 4))
    affine[2, 0], affine[0, 1], affine[1, 2], affine[3, 3] = 2, 1.5, 1, 1
    affine[0, 3], affine[1, 3] = -1.5 * (SHAPE[0] - 1), -1.0 * (SHAPE[1] - 1)
    other = decode_volume(nifti(turned, affine))
    assert plain.slices.shape == (36, 40, 34)
    np.testing.assert_array_equal(plain.slices, other.slices)
    assert plain.affine is not None and other.affine is not None  # noqa: PT018
    np.testing.assert_allclose(plain.affine, other.affine)
    np.testing.assert_allclose(plain.affine, np.diag([1.5, 1, 2, 1]), atol=1e-6)
    assert (np.diff(plain.slices[0, :, 0].astype(int)) >= 0).all()  # rows run to the back
    assert (other.spacing_mm, other.between_mm) == ((1.0, 1.5), 2.0)


def test_another_axis_can_be_sliced() -> None:
    coronal = decode_volume(nifti(WHERE[2]), axis=1)
    assert coronal.slices.shape == (40, 36, 34)
    assert coronal.slices[0, 0, 0] > coronal.slices[0, -1, 0]  # the head is above
    assert (coronal.spacing_mm, coronal.between_mm) == ((2.0, 1.5), 1.0)


def test_millimetres_that_nobody_states_are_not_made_up() -> None:
    volume = decode_volume(nifti(WHERE[0], np.diag([-1.0, -1, 1, 1]), "unknown"))
    assert (volume.spacing_mm, volume.between_mm, volume.affine) == (None, None, None)


def test_holes_in_a_volume_of_floats_are_black() -> None:
    values = WHERE[0].astype(np.float32)
    values[3], values[4] = np.nan, -np.inf
    slices = decode_volume(nifti(values)).slices
    assert (slices[:, :, 3:5] == 0).all()
    assert slices.max() == 255


HEADER = nifti(np.ones(SHAPE, np.int16))[:352]


def lying(**fields: object) -> bytes:
    header = nibabel.Nifti1Header(HEADER[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    return bytes(header.binaryblock) + bytes(4) + bytes(2 * 34 * 40 * 36)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "empty_file", id="empty"),
        pytest.param(b"something else", "unsupported_format", id="something else"),
        pytest.param(gzip.compress(b"else"), "unsupported_format", id="something else, zipped"),
        pytest.param(gzip.compress(nifti(WHERE[0]))[:-20], "truncated_file", id="cut"),
        pytest.param(nifti(WHERE[0])[:5000], "truncated_file", id="cut, not zipped"),
        pytest.param(nifti(np.zeros((*SHAPE, 3), np.int16)), "not_one_volume", id="4-D"),
        pytest.param(nifti(np.zeros(SHAPE, np.complex64)), "unsupported_pixels", id="complex"),
        pytest.param(
            nifti(np.full(SHAPE, np.nan, np.float32)), "unsupported_pixels", id="no number"
        ),
        pytest.param(lying(datatype=128), "unsupported_pixels", id="RGB"),
        pytest.param(lying(dim=[3, 3000, 3000, 3000, 1, 1, 1, 1]), "volume_too_large", id="large"),
        pytest.param(lying(dim=[3, -5, 40, 36, 1, 1, 1, 1]), "corrupt_file", id="negative"),
        pytest.param(lying(dim=[3, 340, 40, 36, 1, 1, 1, 1]), "truncated_file", id="lies"),
        pytest.param(lying(vox_offset=1e9), "corrupt_file", id="far away"),
        pytest.param(nifti(WHERE[0][:20, :20]), "image_too_small", id="small"),
    ],
)
def test_what_is_no_volume_says_why(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_what_a_small_file_inflates_to_beyond_its_volume_is_not_read() -> None:
    bomb = gzip.compress(nifti(WHERE[0]) + bytes(1 << 26))
    assert decode_volume(bomb).slices.shape == (36, 40, 34)
    assert code_of(gzip.compress(bytes(1 << 26))) == "unsupported_format"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_raises_nothing_but_decode_errors(changes: list[tuple[int, int]]) -> None:
    data = bytearray(nifti(WHERE[0]))
    for place, value in changes:
        data[place] = value
    try:
        assert decode_volume(bytes(data)).slices.ndim == 3
    except DecodeError:
        return
