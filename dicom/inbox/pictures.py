"""A glimpse of what waits."""

from backend.api.errors import Conflict
from dicom.inbox.decisions import bytes_of
from dicom.models import Arrival
from scans.decoding import DecodeError, decode_frames
from scans.previews import preview_png
from scans.series.header import Header


def picture(arrival: Arrival) -> bytes:
    """Return a small PNG of the object's middle frame.

    Raises:
        Conflict: `no_picture` when it holds none that can be decoded; `file_missing`.
    """
    data = bytes_of(arrival)
    try:
        middle = Header.read(data).frames // 2
        (shown,) = decode_frames(data, [middle])
    except DecodeError as broken:
        raise Conflict("no_picture", f"There is no picture to show: {broken.message}") from broken
    return preview_png(shown.pixels)
