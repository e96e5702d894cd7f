"""The slices of a stored series, in the order of its geometry, as the engine asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from inference.engine.sources import FrameSlices, Source, volume_slices
from scans.decoding import DecodedSlice, DecodeError, decode_volume
from scans.models import Instance, Series
from scans.series.summary import Frame, summarise


@dataclass(frozen=True)
class Stored:
    """What the engine reads, and what the geometry says of it.

    frames, positions_mm: of each slice. between_mm: from slice to slice; None where that is not
    known, differs, or slices are missing.
    """

    slices: Sequence[DecodedSlice]
    frames: list[Frame]
    positions_mm: list[float] | None
    between_mm: float | None


def stored_slices(series: Series) -> Stored:
    """Find the slices of a series, one of each position.

    Raises:
        DecodeError: `no_slices` when it has none; those of the decoders.
        OSError: when a file cannot be read.
    """
    summary = summarise(series)
    frames, stack = summary.slices, summary.stack
    if not frames:
        raise DecodeError("no_slices", "The series has no slices to be read.")
    volumes = [frame.instance for frame in frames if frame.instance.format == "nifti"]
    slices: Sequence[DecodedSlice]
    if volumes:
        cut = volume_slices(decode_volume(content(volumes[0])))
        slices = [cut[frame.number - 1] for frame in frames if frame.instance == volumes[0]]
        frames = [frame for frame in frames if frame.instance == volumes[0]]
    else:
        slices = FrameSlices([source_of(frame) for frame in frames])
    whole = stack.missing == 0 and len(frames) == len(stack.slices)
    return Stored(slices, frames, stack.positions_mm, stack.between_mm if whole else None)


def source_of(frame: Frame) -> Source:
    instance = frame.instance
    return Source(instance.uid, partial(content, instance), frame.number - 1, instance.frames)


def content(instance: Instance) -> bytes:
    """The object as it was sent. Opened anew each time: several threads may ask at once."""
    with instance.file.storage.open(str(instance.file.name), "rb") as opened:
        data: bytes = opened.read()
    return data
