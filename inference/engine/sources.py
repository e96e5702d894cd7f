"""The slices of a series, decoded when they are asked for: memory holds only a few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import overload

from scans.decoding import DecodedSlice, DecodeError, Volume, decode_frames, series_levels

_CHUNK = 32  # frames of one object decoded at once: its header is parsed each time
_SAMPLED = 24  # objects that say what is black and white where none has a window


@dataclass(frozen=True)
class Source:
    """A frame, numbered from 0, of `frames` in an object. name: tells objects apart."""

    name: str
    read: Callable[[], bytes]
    frame: int = 0
    frames: int = 1


class FrameSlices(Sequence[DecodedSlice]):
    """The frames of DICOM objects, in the order given. May be asked by several threads."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        first = [next(group) for _, group in groupby(self._sources, key=lambda one: one.name)]
        step = -(-len(first) // _SAMPLED) or 1
        self._levels = series_levels([one.read() for one in first[step // 2 :: step]])
        self._chunk: dict[int, DecodedSlice] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sources)

    @overload
    def __getitem__(self, index: int) -> DecodedSlice: ...
    @overload
    def __getitem__(self, index: slice) -> list[DecodedSlice]: ...
    def __getitem__(self, index: int | slice) -> DecodedSlice | list[DecodedSlice]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        source = self._sources[index]
        if source.frames == 1:
            return next(decode_frames(source.read(), [0], levels=self._levels))
        with self._lock:
            if index not in self._chunk:
                self._chunk = self._chunk_from(index)
            return self._chunk[index]

    def _chunk_from(self, index: int) -> dict[int, DecodedSlice]:
        """Decode this frame and those after it that the same object has, up to a damaged one."""
        source = self._sources[index]
        ahead = self._sources[index : index + _CHUNK]
        frames = [one.frame for one in ahead if one.name == source.name]
        decoded: dict[int, DecodedSlice] = {}
        try:
            for one in decode_frames(source.read(), frames, levels=self._levels):
                decoded[index + len(decoded)] = one
        except DecodeError:
            if not decoded:
                raise
        return decoded


def volume_slices(volume: Volume) -> list[DecodedSlice]:
    """The slices of a volume, which share its memory: pictures that are windowed already."""
    spacing, along = volume.spacing_mm, volume.row_direction
    return [DecodedSlice(pixels, "png", spacing, None, along) for pixels in volume.slices]
