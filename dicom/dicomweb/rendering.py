"""Frames as pictures: PNG and JPEG (PS3.18, 8.3.5 and 8.7.4)."""

import re
from dataclasses import dataclass
from io import BytesIO

from PIL import Image as Picture
from pydicom.dataset import Dataset

from backend.api.errors import ApiError
from dicom.dicomweb.frames import Image, single, values_of
from scans.decoding.dicom import damage_told
from scans.decoding.dicom_pixels import to_pixels

PNG, JPEG = "image/png", "image/jpeg"
THUMBNAIL = "128,128"
_FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_LARGEST_SIDE = 4096
_NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})")


@dataclass(frozen=True)
class Wish:
    """How a frame is to be shown.

    window: centre, width and function; None: as the object says.
    viewport: width and height to fit into, and which part of the picture: x, y, width, height in
        its pixels, 0 width for all of it; None: as it is.
    """

    window: tuple[float, float, str] | None = None
    viewport: tuple[int, int, float, float, float, float] | None = None
    quality: int = 90

    @classmethod
    def parse(cls, window: str, viewport: str, quality: str) -> "Wish":
        """Understand the query parameters of this name; empty ones ask for nothing.

        Raises:
            ApiError: `invalid_value`.
        """
        return cls(
            _window(window) if window else None,
            _viewport(viewport) if viewport else None,
            _quality(quality) if quality else cls.quality,
        )


def render(image: Image, index: int, media_type: str, wish: Wish) -> bytes:
    """Return a frame as it is seen.

    Raises:
        DecodeError: it cannot be decoded.
    """
    with damage_told():
        frame = single(image, index)
        _set_window(frame, image.header, wish)
        picture = Picture.fromarray(to_pixels(frame, values_of(frame)))
    if wish.viewport:
        picture = _fitted(picture, wish.viewport)
    out = BytesIO()
    if media_type == PNG:
        picture.save(out, "PNG", compress_level=1)
    else:
        picture.save(out, "JPEG", quality=wish.quality)
    return out.getvalue()


def _set_window(frame: Dataset, header: Dataset, wish: Wish) -> None:
    highest = None
    if header.get("SegmentationType") == "BINARY":
        highest = 1
    elif header.get("SegmentationType") == "FRACTIONAL":
        highest = int(header.get("MaximumFractionalValue") or 255)
    elif header.get("SegmentationType"):
        highest = len(header.get("SegmentSequence") or "_")
    window = wish.window
    if window is None and highest is not None:
        window = (highest / 2, float(highest), "LINEAR_EXACT")
    if window is not None:
        frame.WindowCenter, frame.WindowWidth, frame.VOILUTFunction = window
        frame.pop("VOILUTSequence", None)


def _fitted(
    picture: Picture.Image, viewport: tuple[int, int, float, float, float, float]
) -> Picture.Image:
    """Scale to fit, with the same aspect."""
    width, height, x, y, part_width, part_height = viewport
    if part_width:
        right, bottom = min(x + part_width, picture.width), min(y + part_height, picture.height)
        if right - x < 1 or bottom - y < 1:
            raise _invalid("viewport")
        picture = picture.crop((int(x), int(y), int(right), int(bottom)))
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Picture.Resampling.BILINEAR)


def _window(text: str) -> tuple[float, float, str]:
    parts = text.split(",")
    if len(parts) == 2:
        parts.append("linear")
    if len(parts) != 3 or parts[2].lower() not in _FUNCTIONS:
        raise _invalid("window")
    centre, width = _numbers(parts[:2], "window")
    if width <= 0:
        raise _invalid("window")
    return centre, width, _FUNCTIONS[parts[2].lower()]


def _viewport(text: str) -> tuple[int, int, float, float, float, float]:
    parts = text.split(",")
    if len(parts) not in (2, 6):
        raise _invalid("viewport")
    width, height, *part = _numbers([part or "0" for part in parts], "viewport")
    x, y, part_width, part_height = part or (0.0, 0.0, 0.0, 0.0)
    sides_fit = all(1 <= side <= _LARGEST_SIDE for side in (width, height))
    if not sides_fit or min(x, y, part_width, part_height) < 0:
        raise _invalid("viewport")
    return int(width), int(height), x, y, part_width, part_height


def _quality(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d?|100", text):
        raise _invalid("quality")
    return int(text)


def _numbers(parts: list[str], name: str) -> list[float]:
    if not all(map(_NUMBER.fullmatch, parts)):
        raise _invalid(name)
    return [float(part) for part in parts]


def _invalid(name: str) -> ApiError:
    return ApiError("invalid_value", f"This is no {name} to render with.", field=name)
