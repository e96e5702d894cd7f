"""Slices out of the volumes in packages: NRRD, NIfTI, and DICOM objects of several frames."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom

Voxels = npt.NDArray[np.float32]
_ENDS = 0.15  # of an axis, left out at either end: mostly air


def slices_of(path: Path, wanted: dict[str, Any]) -> Iterator[npt.NDArray[np.uint8]]:
    """8-bit slices: `slices` of each of the `axes`, evenly spaced, rows from top to bottom.

    `window`: [darkest, brightest] value; without it the middle 99.8 % of the values.
    """
    voxels, axes = _read(path)
    voxels = voxels[..., 0] if voxels.ndim == 4 else voxels
    low, high = wanted.get("window") or np.percentile(voxels, (0.1, 99.9))
    grey = np.clip((voxels - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    for axis in wanted.get("axes", axes):
        depth = grey.shape[axis]
        count = min(wanted.get("slices", 8), depth)
        for place in np.linspace(depth * _ENDS, depth * (1 - _ENDS) - 1, count):
            picture = np.take(grey, round(place), axis=axis)
            # A NIfTI or NRRD volume runs from left to right, back to front, feet to head.
            upright = picture if path.suffix == ".dcm" else picture.T[::-1]
            yield np.ascontiguousarray(upright)


def _read(path: Path) -> tuple[Voxels, list[int]]:
    """A volume's values, and the axis that its slices were taken along."""
    if path.suffix == ".dcm":
        return pydicom.dcmread(path).pixel_array.astype(np.float32), [0]
    if path.suffix == ".nrrd":
        return _nrrd(path.read_bytes()), [2]
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asarray(image.dataobj, np.float32), [2]


def _nrrd(data: bytes) -> Voxels:
    """A gzipped little-endian NRRD of 16-bit integers."""
    header, _, packed = data.partition(b"\n\n")
    sizes = re.search(rb"sizes: ([\d ]+)", header)
    if sizes is None or b"type: short" not in header or b"encoding: gzip" not in header:
        raise SystemExit("an NRRD file of another kind than gate.py reads")
    values = np.frombuffer(gzip.decompress(packed), "<i2")
    shape = [int(size) for size in sizes[1].split()]
    voxels: Voxels = values.reshape(shape, order="F").astype(np.float32)
    # Its rows run to the back of the patient; a NIfTI volume's run to the front.
    return voxels[:, ::-1]
