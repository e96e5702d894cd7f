"""What the command line reads as a whole: a volume, a multi-frame object, a folder of slices."""

import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom

from inference.engine.sources import FrameSlices, Source, volume_slices
from scans.decoding import DecodedSlice, DecodeError, decode_volume
from scans.decoding.volume import read_volume
from scans.series.geometry import arrange
from scans.series.header import Header

_GZIP = b"\x1f\x8b"
_NO_IMAGE = ("empty_file", "unsupported_format", "dicomdir")


@dataclass(frozen=True)
class Whole:
    """A series to be read. names: of each slice, what it is and where it comes from."""

    slices: Sequence[DecodedSlice]
    names: list[dict[str, Any]]
    between_mm: float | None
    series_uid: str | None = None


def is_nifti(data: bytes) -> bool:
    """Whether the bytes are a NIfTI volume, packed or not: by content, not by name."""
    try:
        start = gzip.decompress(data[:4096]) if data.startswith(_GZIP) else data[:352]
    except (OSError, EOFError):
        return data.startswith(_GZIP)  # cut off here, or damaged: the decoder says which
    return start[344:347] == b"n+1" or start[4:7] == b"n+2"


def number_of_frames(data: bytes) -> int:
    """How many frames a DICOM object says it has; 1 for anything else."""
    if data[128:132] != b"DICM":
        return 1
    try:
        dataset = pydicom.dcmread(
            BytesIO(data), stop_before_pixels=True, specific_tags=["NumberOfFrames"]
        )
        return int(dataset.get("NumberOfFrames") or 1)
    except Exception:  # damaged: the decoder says how
        return 1


def volume(data: bytes) -> Whole:
    """Raises DecodeError."""
    found = decode_volume(data)
    slices = volume_slices(found)
    names = [{"position_mm": _place(index, found.between_mm)} for index in range(len(slices))]
    return Whole(slices, names, found.between_mm)


def objects(
    files: Sequence[Path],
) -> tuple[Iterator[Whole], dict[Path, DecodeError | OSError]]:
    """Group DICOM files by series, and arrange the frames of each by where they lie.

    Returns the series, and what is wrong with files that belong to none. What is no DICOM image is
    passed over. Raises DecodeError: `no_slices` when all of it is.
    """
    series: dict[str, list[tuple[Path, Header]]] = defaultdict(list)
    damaged: dict[Path, DecodeError | OSError] = {}
    for file in files:
        try:
            header = Header.read(file.read_bytes())
        except (DecodeError, OSError) as error:
            if not isinstance(error, DecodeError) or error.code not in _NO_IMAGE:
                damaged[file] = error
            continue
        if header.rows:
            series[header.series_uid].append((file, header))
    if not series and not damaged:
        raise DecodeError("no_slices", "There is no DICOM image in it.")
    return (_arranged(uid, found) for uid, found in series.items()), damaged


def _arranged(uid: str, found: list[tuple[Path, Header]]) -> Whole:
    found.sort(key=lambda one: (one[1].instance_number or 0, str(one[0])))
    sources, names = [], []
    places: list[list[list[float]] | None] = []
    spacing: set[tuple[float, ...] | None] = set()
    for file, header in found:
        geometry, frames = header.geometry, header.frames
        spacing.add(tuple(geometry["spacing_mm"]) if geometry and geometry["spacing_mm"] else None)
        places += geometry["frames"] if geometry and geometry["frames"] else [None] * frames
        for frame in range(frames):
            sources.append(Source(str(file), partial(Path.read_bytes, file), frame, frames))
            names.append({"file": str(file), "frame": frame + 1})
    alike = spacing.pop() if len(spacing) == 1 else None
    stack = arrange(places, alike)
    nowhere: list[float | None] = [None] * len(stack.slices)
    positions = stack.positions_mm or nowhere
    return Whole(
        FrameSlices([sources[place] for place in stack.slices]),
        [
            {**names[place], "position_mm": position}
            for place, position in zip(stack.slices, positions, strict=True)
        ],
        stack.between_mm if stack.missing == 0 else None,
        uid,
    )


def save_like(data: bytes, mask: npt.NDArray[np.bool_], target: Path) -> None:
    """Write a mask (slices, rows, columns) as NIfTI on the grid of the volume that `data` holds.

    Where each voxel went is asked of the decoder: it cuts a volume of voxel numbers the same way.
    """
    raw = gzip.decompress(data) if data.startswith(_GZIP) else data
    kind = nibabel.Nifti2Image if raw[4:7] == b"n+2" else nibabel.Nifti1Image
    source = kind.from_bytes(raw)
    numbers = np.arange(mask.size, dtype=np.int32).reshape(source.shape)
    places = read_volume(_like(source, numbers).to_bytes()).values
    flat = np.zeros(mask.size, np.uint8)
    flat[places.ravel()] = mask.ravel()
    nibabel.save(_like(source, flat.reshape(source.shape)), target)


def _like(source: Any, values: npt.NDArray[Any]) -> Any:
    """An image with the same place in space: of its header only the kind of number changes."""
    header = source.header.copy()
    header.set_data_dtype(values.dtype)
    header.set_slope_inter(1, 0)
    return type(source)(values, None, header)


def _place(index: int, between_mm: float | None) -> float | None:
    return None if between_mm is None else index * between_mm
