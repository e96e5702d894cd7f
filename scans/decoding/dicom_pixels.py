"""The pixels of a DICOM data set, taken through the grey-scale pipeline of PS3.4 annex N.2."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, apply_modality_lut, get_decoder, pixel_array
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from scans.decoding import codecs
from scans.decoding.types import DecodeError, check_size
from scans.decoding.window import Levels, percentile_window, to_grey

codecs.register()

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
_GREYS = ("MONOCHROME1", "MONOCHROME2")
_FRAME_SLACK = 65_536  # bytes an encoded frame may be larger than its pixels: headers, bad luck


def stored_values(dataset: pydicom.FileDataset, index: int) -> npt.NDArray[Any]:
    """Return frame `index` (from 0) as it is stored: (H, W), or (H, W, 3) in RGB.

    `dataset` has Rows and Columns. Raises DecodeError; also whatever pydicom raises on a damaged
    header.
    """
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if photometric not in (*_GREYS, *_COLOURS, "PALETTE COLOR"):
        raise DecodeError(
            "unsupported_pixels",
            f"The DICOM file's colour model '{photometric[:16]}' cannot be read.",
        )
    _check_frame(dataset, index)
    syntax = dataset.file_meta.TransferSyntaxUID
    plugin = codecs.PLUGIN if syntax in codecs.SYNTAXES else ""
    if syntax == JPEGBaseline8Bit:
        plugin = "pillow"
    if syntax == RLELossless:
        plugin = "pydicom"  # pylibjpeg's panics on damaged frames, past `except Exception`
    try:
        stored = pixel_array(dataset, index=index, decoding_plugin=plugin)
    except (RuntimeError, NotImplementedError) as error:
        # With a codec at hand for this syntax it is the frame that is damaged.
        raise DecodeError(
            "corrupt_file", "The image inside the DICOM file is damaged and cannot be read."
        ) from error
    expected = (int(dataset.Rows), int(dataset.Columns))
    if stored.shape[:2] != expected or stored.ndim > 3:
        raise DecodeError("unsupported_pixels", "The DICOM file is not one plain image.")
    return stored


def to_pixels(
    own: pydicom.Dataset, stored: npt.NDArray[Any], levels: Levels | None = None
) -> npt.NDArray[np.uint8]:
    """Return a frame as it is shown: uint8, (H, W) or (H, W, 3).

    Grey: Modality LUT or rescale, then the first VOI window or LUT, padding black, MONOCHROME1
    turned so that more is brighter. Where there is no window, or one that shows nothing at all
    (then it was meant for another image), `levels` or else the frame's own percentiles decide.

    Args:
        own: The attributes that hold for this frame.
    """
    photometric = str(own.PhotometricInterpretation)
    if photometric in _GREYS:
        return _grey(own, stored, levels, inverted=photometric == "MONOCHROME1")
    if photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, own)[..., :3]
    bits = stored.dtype.itemsize * 8 if photometric == "PALETTE COLOR" else own.BitsStored
    if stored.ndim != 3 or stored.dtype.kind != "u":
        raise DecodeError("unsupported_pixels", "The DICOM file's colour pixels cannot be read.")
    return np.ascontiguousarray(stored >> max(0, bits - 8)).astype(np.uint8)


def known_values(own: pydicom.Dataset, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return (N,) the grey values after rescaling, without padding; none of a colour frame."""
    if str(own.PhotometricInterpretation) not in _GREYS or stored.ndim != 2:
        return np.empty(0, np.float32)
    values = apply_modality_lut(stored, own).astype(np.float32)
    return values[~_padding(own, stored) & np.isfinite(values)]


def _check_frame(dataset: pydicom.FileDataset, index: int) -> None:
    """Compare what is there with what the header promises, before a codec unpacks it."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise DecodeError("corrupt_file", "The DICOM file does not say how it is encoded.")
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise DecodeError(
            "unsupported_transfer_syntax", f"Images encoded as '{syntax.name}' cannot be read."
        )
    keyword = next(keyword for keyword in PIXEL_KEYWORDS if keyword in dataset)
    held = len(dataset[keyword].value or b"")
    if not held:
        raise DecodeError("no_pixel_data", "The DICOM file holds no image.")
    promised = _promised_bytes(dataset)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not syntax.is_compressed or syntax.is_deflated:
        if held < promised * frames:
            raise DecodeError(
                "truncated_file",
                "The DICOM file holds fewer pixels than its header promises.",
            )
        return
    frame = _encoded(dataset, index, frames)
    if len(frame) > 2 * promised + _FRAME_SLACK:
        raise DecodeError("corrupt_file", "The image inside the DICOM file is damaged.")
    size = _encoded_size(frame, syntax)
    if size is not None:
        check_size(*size)
        if size != (int(dataset.Columns), int(dataset.Rows)):
            raise DecodeError(
                "corrupt_file", "The image inside the DICOM file has another size than it says."
            )


def _encoded(dataset: pydicom.FileDataset, index: int, frames: int) -> bytes:
    offsets = None  # PS3.3, section C.7.6.3.1.8
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    try:
        return get_frame(
            dataset.PixelData, index, number_of_frames=frames, extended_offsets=offsets
        )
    except (ValueError, struct.error, EOFError) as error:
        raise DecodeError(
            "corrupt_file", f"The DICOM file's frame {index + 1} cannot be found in it."
        ) from error


def _promised_bytes(dataset: pydicom.FileDataset) -> int:
    samples = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        samples = samples * 2 // 3
    return (samples * int(dataset.get("BitsAllocated") or 8) + 7) // 8


def _encoded_size(frame: bytes, syntax: str) -> tuple[int, int] | None:
    """(width, height) from the head of a JPEG, JPEG-LS or JPEG 2000 stream; None if not found."""
    if syntax in JPEG2000TransferSyntaxes:
        start = frame.find(b"\xff\x4f\xff\x51")  # SOC, SIZ: ISO 15444-1 annex A.5
        if start < 0 or len(frame) < start + 24:
            return None
        x1, y1, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
        return x1 - x0, y1 - y0
    if syntax not in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
        return None
    position = 2
    while position + 9 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        # SOF0-SOF15 without DHT, JPG and DAC (ISO 10918-1 table B.1), SOF55 is JPEG-LS.
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack_from(">2H", frame, position + 5)
            return width, height
        position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
    return None


def _grey(
    own: pydicom.Dataset, stored: npt.NDArray[Any], levels: Levels | None, *, inverted: bool
) -> npt.NDArray[np.uint8]:
    if stored.ndim != 2:
        raise DecodeError("unsupported_pixels", "The DICOM file is not one plain image.")
    valid = ~_padding(own, stored)
    values = apply_modality_lut(stored, own)
    valid &= np.isfinite(values)
    if own.get("VOILUTSequence") and own.get("WindowCenter") is None:
        grey = to_grey(_looked_up(np.where(valid, values, 0), own.VOILUTSequence[0]), valid)
    else:
        values = values.astype(np.float32)
        valid &= np.isfinite(values)
        shares = _windowed(own, values, valid)
        grey = (
            percentile_window(values, valid, levels) if shares is None else to_grey(shares, valid)
        )
    if inverted:
        grey = np.where(valid, 255 - grey, 0).astype(np.uint8)
    return grey


def _windowed(
    dataset: pydicom.Dataset, values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32] | None:
    """Apply the first window (PS3.3 section C.11.2.1.2); shares of white.

    None without a window, or when it shows nothing at all: then it was meant for another image.
    """
    centre, width = (_first_number(dataset.get(k)) for k in ("WindowCenter", "WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    smallest = 1.0 if function == "LINEAR" else 0.0
    if centre is None or width is None or width <= smallest:
        return None
    if function == "SIGMOID":
        shares = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -80, 80)))
    elif function == "LINEAR_EXACT":
        shares = (values - centre) / width + 0.5
    else:
        shares = (values - (centre - 0.5)) / (width - 1) + 0.5
    if not ((shares > 0) & (shares < 1) & valid).any():
        return None
    return shares.astype(np.float32, copy=False)


def _looked_up(values: npt.NDArray[Any], table: pydicom.Dataset) -> npt.NDArray[np.float32]:
    """Apply a VOI LUT (PS3.3 section C.11.2.1.1); shares of white.

    pydicom's own `apply_voi` wraps values above 255 around where the table's entries have 8 bits.
    """
    count, first, bits = (int(value) for value in table.LUTDescriptor)
    data = table.LUTData
    if isinstance(data, bytes):
        packed = bits <= 8 and len(data) < 2 * (count or 65536)  # one byte for an entry
        entries = np.frombuffer(data, "u1" if packed else "<u2")
    else:
        entries = np.asarray(data)
    places = np.clip(values.astype(np.int64) - first, 0, len(entries) - 1)
    return (entries[places] / (2**bits - 1)).astype(np.float32)


def _first_number(value: Any) -> float | None:
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _padding(dataset: pydicom.Dataset, stored: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where Pixel Padding Value (0028,0120) or its range (0028,0121) marks 'no image here'."""
    low = _first_number(dataset.get("PixelPaddingValue"))
    if low is None:
        return np.zeros(stored.shape, bool)
    high = _first_number(dataset.get("PixelPaddingRangeLimit"))
    low, high = sorted((low, low if high is None else high))
    return (stored >= low) & (stored <= high)
