"""JPEG, JPEG-LS and JPEG 2000 frames through imagecodecs, as a plugin of pydicom's decoders.

Its libraries (libjpeg-turbo 3, CharLS, OpenJPEG) read every process that DICOM allows, 8 to 16
bits, in milliseconds, and give errors where a frame is damaged; none ended its process in
thousands of damaged frames. Pillow keeps 8-bit JPEG, whose colours it knows how to take.
"""

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.pixels import get_decoder
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
)

PLUGIN = "imagecodecs"
_JPEG2000 = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
SYNTAXES = (
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    *JPEGLSTransferSyntaxes,
    *_JPEG2000,
)
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("imagecodecs",))  # pydicom asks for it

_END_OF_IMAGE = b"\xff\xd9"
_NOISE = b"\x55\xaa" * 64  # entropy-coded bits of both kinds, and no marker


def register() -> None:
    """Tell pydicom of this plugin, once."""
    for syntax in SYNTAXES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode_frame"))


def is_available(uid: str) -> bool:
    return uid in SYNTAXES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """Return a frame's stored values as pydicom wants them: little endian, colour by pixel.

    Raises whatever imagecodecs raises; pydicom makes one RuntimeError of it.
    """
    syntax = runner.transfer_syntax
    if syntax in JPEGLSTransferSyntaxes:
        # Where no marker ends it, CharLS looks for one for half a minute.
        values = imagecodecs.jpegls_decode(frame[: _end(frame) + len(_END_OF_IMAGE)])
    elif syntax in _JPEG2000:
        values = imagecodecs.jpeg2k_decode(frame)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):  # undone by OpenJPEG
            runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    else:
        values = _jpeg(frame)
    runner.set_option("bits_allocated", values.dtype.itemsize * 8)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _jpeg(frame: bytes) -> npt.NDArray[Any]:
    """Decode a JPEG whose pixels are all there.

    libjpeg makes up what a cut frame does not hold, and warns; the warning does not reach us. A
    frame that is whole looks the same whatever stands behind its last pixel.
    """
    end = _end(frame)
    while frame[end - 1] == 0xFF:  # fill bytes before the marker
        end -= 1
    values: npt.NDArray[Any] = imagecodecs.jpeg8_decode(frame)
    longer = imagecodecs.jpeg8_decode(frame[:end] + _NOISE + frame[end:])
    if not np.array_equal(values, longer):
        raise ValueError("the JPEG ends early")
    return values


def _end(frame: bytes) -> int:
    end = frame.rfind(_END_OF_IMAGE)
    if end <= 0:
        raise ValueError("the JPEG has no end")
    return end
