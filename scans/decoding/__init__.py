"""Decode an uploaded file into one slice. Pure Python: knows neither Django nor the engine."""

from scans.decoding.decode import decode
from scans.decoding.types import MAX_PIXELS, MIN_SIDE, DecodedSlice, DecodeError, DicomInfo

__all__ = ["MAX_PIXELS", "MIN_SIDE", "DecodeError", "DecodedSlice", "DicomInfo", "decode"]
