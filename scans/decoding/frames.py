"""The frames of DICOM objects, one at a time, and the grey levels that a whole series shares."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom

from scans.decoding.dicom import (
    damage_told,
    frame_attributes,
    info_of,
    number_of_frames,
    open_image,
    slice_of,
)
from scans.decoding.dicom_pixels import known_values, stored_values, to_pixels
from scans.decoding.types import DecodedSlice, DecodeError
from scans.decoding.window import Levels, levels_of

_LOOKED_AT = 24  # frames of a series are enough to place its percentiles
_OF_EACH = 50_000  # values of each of them


def decode_frames(
    source: bytes | Path, frames: Iterable[int] | None = None, *, levels: Levels | None = None
) -> Iterator[DecodedSlice]:
    """Decode frames of a DICOM object, plain, multi-frame or enhanced, one at a time.

    Spacing, rescaling and window are each frame's own. Memory holds the file and one frame.

    Args:
        source: The file or its content.
        frames: Numbers from 0, in the order in which they are wanted; all where None.
        levels: What is black and white in frames without a usable window: `series_levels` of all
            objects of the series. Where None, percentiles over this object decide.

    Raises:
        DecodeError: as `decode`, but for `multi_frame_dicom`; `no_such_frame`. What is wrong with
            the object is raised at once, what is wrong with a frame when its turn comes.
    """
    with damage_told():
        dataset = _opened(source)
        count = number_of_frames(dataset)
        info = info_of(dataset)
    wanted = range(count) if frames is None else list(frames)
    if beyond := [number for number in wanted if not 0 <= number < count]:
        raise DecodeError(
            "no_such_frame", f"The DICOM file has {count} frames; {beyond[0] + 1} is not one."
        )

    def each() -> Iterator[DecodedSlice]:
        shared = levels
        for number in wanted:
            with damage_told():
                if shared is None and count > 1:
                    shared = _levels(_samples(dataset))
                own = frame_attributes(dataset, number)
                pixels = to_pixels(own, stored_values(dataset, number), shared)
                one = slice_of(own, pixels, info)
            yield one

    return each()


def series_levels(sources: Sequence[bytes | Path]) -> Levels | None:
    """Return what should be black and white in frames of a series that have no window of their own.

    The middle 99.8 % of the values of some frames, evenly taken from the whole series: a slice
    above the head must not be stretched as if it held one. What is damaged says nothing here and is
    refused when its turn comes. None where there is no grey value.
    """
    step = max(1, len(sources) // _LOOKED_AT)
    samples = []
    for source in sources[step // 2 :: step]:
        with suppress(DecodeError), damage_told():
            samples += _samples(_opened(source))
    return _levels(samples)


def _opened(source: bytes | Path) -> pydicom.FileDataset:
    return open_image(source if isinstance(source, bytes) else source.read_bytes())


def _samples(dataset: pydicom.FileDataset) -> list[npt.NDArray[np.float32]]:
    """Some values of some frames; of a damaged one none."""
    samples = []
    count = number_of_frames(dataset)
    step = max(1, count // _LOOKED_AT)
    for number in range(step // 2, count, step):
        with suppress(DecodeError), damage_told():
            stored = stored_values(dataset, number)
            values = known_values(frame_attributes(dataset, number), stored)
            samples.append(values[:: max(1, values.size // _OF_EACH)])
    return samples


def _levels(samples: Sequence[npt.NDArray[np.float32]]) -> Levels | None:
    return levels_of(np.concatenate(samples)) if samples else None
