"""Small pictures of series."""

import logging

import numpy as np
import numpy.typing as npt

from scans.decoding import DecodeError, decode_frames, decode_volume
from scans.models import Instance, Series
from scans.previews import preview_png
from scans.series.summary import Frame, summarise

logger = logging.getLogger(__name__)


def thumbnail_png(series: Series) -> bytes | None:
    """Return a PNG of the middle slice, at most 512 px a side; None where it cannot be shown."""
    slices = summarise(series).slices
    if not slices:
        return None
    middle = slices[len(slices) // 2]
    try:
        return preview_png(pixels_of(middle))
    except DecodeError:
        return None
    except FileNotFoundError:
        logger.exception("A file that a row names is not in the storage")
        return None


def pixels_of(frame: Frame) -> npt.NDArray[np.uint8]:
    with frame.instance.file.open("rb") as opened:
        data = opened.read()
    if frame.instance.format == Instance.Format.NIFTI:
        return decode_volume(data).slices[frame.number - 1]
    return next(decode_frames(data, [frame.number - 1])).pixels
