"""Decode what was uploaded into slices. Pure Python: knows neither Django nor the engine.

`decode` takes one slice, `decode_frames` a DICOM object's frames, `decode_volume` a NIfTI file.
"""

from scans.decoding.decode import decode
from scans.decoding.frames import decode_frames, series_levels
from scans.decoding.types import MAX_PIXELS, MIN_SIDE, DecodedSlice, DecodeError, DicomInfo
from scans.decoding.volume import Volume, decode_volume
from scans.decoding.window import Levels

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "DecodeError",
    "DecodedSlice",
    "DicomInfo",
    "Levels",
    "Volume",
    "decode",
    "decode_frames",
    "decode_volume",
    "series_levels",
]
