"""PNG and JPEG through Pillow, brought to 8-bit grey or RGB as a viewer would show them."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from scans.decoding.types import DecodedSlice, DecodeError, check_size
from scans.decoding.window import percentile_window

_TRUNCATED = "The image ends early; it was probably not copied completely."
_GREY_MODES = ("1", "L", "LA", "La")
_DEEP_GREY_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_TRANSPARENT_MODES = ("RGBA", "RGBa", "LA", "La", "PA")


def decode_png(data: bytes) -> DecodedSlice:
    """Decode a PNG of any bit depth and colour type; see `decode` for the errors."""
    whole = b"IEND" in data
    with _told_as_decode_error(whole=whole):
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        check_size(*image.size)
        if not whole:
            raise DecodeError("truncated_file", _TRUNCATED)
        if getattr(image, "is_animated", False):
            raise DecodeError("animated_image", "The PNG is an animation; send a single picture.")
        # Pillow does not look at the checksums of pixel chunks while it unpacks them: a flipped
        # bit would pass as a slightly different scan.
        image.verify()
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        return DecodedSlice(pixels=_to_pixels(image), format="png")


def decode_jpeg(data: bytes) -> DecodedSlice:
    """Decode a JPEG, turned upright by its EXIF orientation; see `decode` for the errors."""
    with _told_as_decode_error(whole=b"\xff\xd9" in data):
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        check_size(*image.size)
        return DecodedSlice(pixels=_to_pixels(image), format="jpeg")


def refuse_gif(data: bytes) -> None:
    """Say 'animated_image' for a GIF that moves; a still one is merely another format."""
    with _told_as_decode_error(whole=data.endswith(b";")):
        image = Image.open(io.BytesIO(data), formats=["GIF"])
        check_size(*image.size)
        if getattr(image, "is_animated", False):
            raise DecodeError(
                "animated_image", "The file is an animated GIF; send a single PNG, JPEG or DICOM."
            )


def _to_pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP_GREY_MODES:
        deep = np.asarray(upright)
        return percentile_window(deep.astype(np.float32), np.isfinite(deep))
    if upright.mode in _TRANSPARENT_MODES or "transparency" in upright.info:
        # Viewers for scans show black where nothing is.
        rgba = upright.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        flat = Image.alpha_composite(black, rgba)
        return np.array(flat.convert("L" if upright.mode in _GREY_MODES else "RGB"))
    return np.array(upright.convert("L" if upright.mode in _GREY_MODES else "RGB"))


@contextmanager
def _told_as_decode_error(*, whole: bool) -> Iterator[None]:
    """Translate whatever Pillow raises on damaged bytes; `whole`: its end mark is there."""
    try:
        yield
    except DecodeError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DecodeError(
            "image_too_large", "The image claims more pixels than can be read safely."
        ) from error
    except Exception as error:  # Pillow: OSError, SyntaxError, struct.error, ValueError, zlib.error
        if not whole or "truncated" in str(error).lower():
            raise DecodeError("truncated_file", _TRUNCATED) from error
        raise DecodeError("corrupt_file", "The image is damaged and cannot be read.") from error
