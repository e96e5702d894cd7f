"""Volumes in NIfTI files (.nii, .nii.gz): slices as the networks were trained to see them."""

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError

from scans.decoding.types import DecodeError, check_size

MAX_VOXELS = 1 << 26  # 512 x 512 x 256
MAX_SLICES = 4096
_WHITE_PERCENTILE = 99.8  # far outliers (vessels, motion) would darken everything else
_BLACK_PERCENTILE = 0.1
_SAMPLE = 1 << 24  # values are enough to place a percentile; no volume trained on has as many
_NEGATIVE = 0.01  # share of voxels below zero above which zero is not where black begins
_LONGEST_GAP = 1 << 20  # bytes of extensions between header and voxels
_EVEN = 1.2  # how much coarser one axis must be to be the one that was sliced
_SPACING_MM = (0.001, 100.0)
_TO_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: unknown, metre, millimetre, micron
_SQUARE = 1e-2  # cosine between two axes, from which they are no right angle
_KINDS = "iuf"
# How slices lie on a screen: towards where columns, rows and slices run (the patient's left,
# posterior, superior, inferior), by the axis of the patient that is sliced.
_SHOWN = {"S": ("L", "P", "S"), "P": ("L", "I", "P"), "L": ("P", "I", "L")}
_ACROSS = {"R": "L", "L": "L", "A": "P", "P": "P", "S": "S", "I": "S"}
_TRUNCATED = "The NIfTI file ends early; it was probably not copied completely."


@dataclass(frozen=True)
class Volume:
    """A volume cut into slices.

    slices: uint8, (N, H, W), black and white set once for the whole volume.
    spacing_mm: between rows and between columns; None where the file does not really state it.
    between_mm: from one slice to the next.
    affine: 4 x 4, from (column, row, slice) to millimetres in DICOM's patient coordinates (x to
        the left, y to the back, z to the head); None where the file does not say it.
    """

    slices: npt.NDArray[np.uint8]
    spacing_mm: tuple[float, float] | None
    between_mm: float | None
    affine: npt.NDArray[np.float64] | None

    @property
    def row_direction(self) -> tuple[float, float, float] | None:
        """As `DecodedSlice.row_direction`; of all slices."""
        if self.affine is None:
            return None
        x, y, z = self.affine[:3, 0] / np.linalg.norm(self.affine[:3, 0])
        return float(x), float(y), float(z)


@dataclass(frozen=True)
class Voxels:
    """The same before its values are shown: `values` (N, H, W) of whatever type the file has."""

    values: npt.NDArray[Any]
    slope: float
    intercept: float
    spacing_mm: tuple[float, float] | None
    between_mm: float | None
    affine: npt.NDArray[np.float64] | None


def decode_volume(source: bytes | Path, axis: int | None = None) -> Volume:
    """Decode a NIfTI file into slices that lie as radiologists look at them.

    Args:
        axis: Which of the file's axes is sliced, 0 to 2; None: that of the coarsest spacing, else
            the one that the header names as the acquisition's, else the last.

    Raises:
        DecodeError: and nothing else, whatever the bytes. Codes: empty_file, unsupported_format,
            truncated_file, corrupt_file, volume_too_large, image_too_large, image_too_narrow,
            image_too_small, not_one_volume, unsupported_pixels.
    """
    voxels = read_volume(source, axis)
    return Volume(
        slices=_grey(voxels),
        spacing_mm=voxels.spacing_mm,
        between_mm=voxels.between_mm,
        affine=voxels.affine,
    )


def read_volume(source: bytes | Path, axis: int | None = None) -> Voxels:
    """Read a NIfTI file without windowing it, a mask for example; see `decode_volume`."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    if not data:
        raise DecodeError("empty_file", "The file is empty.")
    try:
        with np.errstate(all="ignore"):
            return _read(data, axis)
    except DecodeError:
        raise
    except Exception as error:  # nibabel raises many built-in errors on damaged headers
        raise DecodeError(
            "corrupt_file", "The NIfTI file is damaged and cannot be read."
        ) from error


def _read(data: bytes, axis: int | None) -> Voxels:
    stream: BinaryIO = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    header = _header(stream)
    shape = _shape(header)
    dtype = header.get_data_dtype()
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise DecodeError("unsupported_pixels", "The NIfTI file's voxels are not plain numbers.")
    raw = np.frombuffer(_voxels(stream, header, shape, dtype), dtype).reshape(shape, order="F")
    slope, intercept = (None if v is None else float(v) for v in header.get_slope_inter())
    affine, spacing = _geometry(header)
    axis = _sliced(header) if axis is None else axis
    turn = _turn(affine, axis)
    values = apply_orientation(raw, turn).transpose(2, 1, 0)
    check_size(values.shape[2], values.shape[1])
    if len(values) > MAX_SLICES:
        raise DecodeError("volume_too_large", f"The NIfTI file has {len(values)} slices.")
    sizes = None  # of columns, rows and slices
    if spacing is not None:
        sizes = [spacing[int(place)] for place in np.argsort(turn[:, 0])]
    return Voxels(
        values=values,
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        spacing_mm=None if sizes is None else (sizes[1], sizes[0]),
        between_mm=None if sizes is None else sizes[2],
        affine=None if affine is None or sizes is None else _turned(affine, turn, shape),
    )


def _header(stream: BinaryIO) -> Nifti1Header:
    try:
        start = stream.read(4)
        sizes = {int.from_bytes(start, order) for order in ("little", "big")}
        kind = {348: Nifti1Header, 540: Nifti2Header}[min(sizes & {348, 540} or {0})]
        block = start + stream.read(kind.template_dtype.itemsize - 4)
        if len(block) < kind.template_dtype.itemsize:
            raise DecodeError("truncated_file", _TRUNCATED)
        # check=False: what nibabel repairs it also tells on stderr.
        header = kind(block, check=False)
    except KeyError:
        raise DecodeError("unsupported_format", "The file is not a NIfTI volume.") from None
    except (EOFError, OSError, zlib.error) as error:
        raise _cut_or_damaged(error) from error
    if header["magic"].item()[:3] not in (b"n+1", b"n+2"):
        raise DecodeError(
            "unsupported_format", "The file is no single NIfTI file (.nii or .nii.gz)."
        )
    return header


def _shape(header: Nifti1Header) -> tuple[int, int, int]:
    dims = [int(v) for v in header["dim"]]
    used = dims[1 : dims[0] + 1] if 1 <= dims[0] <= 7 else []
    if len(used) < 3 or any(v != 1 for v in used[3:]):
        raise DecodeError(
            "not_one_volume",
            "The NIfTI file does not hold exactly one volume; send a three-dimensional one.",
        )
    if min(used[:3]) < 1:
        raise DecodeError("corrupt_file", "The NIfTI file is damaged and cannot be read.")
    if used[0] * used[1] * used[2] > MAX_VOXELS:
        raise DecodeError(
            "volume_too_large",
            f"The NIfTI file has {used[0]} x {used[1]} x {used[2]} voxels; at most "
            f"{MAX_VOXELS // 1_000_000} million can be read.",
        )
    return used[0], used[1], used[2]


def _voxels(
    stream: BinaryIO, header: Nifti1Header, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> bytes:
    """Read the promised voxels and no more: a small file may inflate to anything."""
    gap = int(header["vox_offset"]) - int(header["sizeof_hdr"])
    if not 0 <= gap <= _LONGEST_GAP:
        raise DecodeError("corrupt_file", "The NIfTI file does not say where its voxels are.")
    promised = int(np.prod(shape)) * dtype.itemsize
    try:
        stream.read(gap)
        block = stream.read(promised)
        stream.read(_LONGEST_GAP)  # up to the end, where gzip's check sum stands
    except (EOFError, OSError, zlib.error) as error:
        raise _cut_or_damaged(error) from error
    if len(block) < promised:
        raise DecodeError("truncated_file", _TRUNCATED)
    return block


def _cut_or_damaged(error: Exception) -> DecodeError:
    if isinstance(error, EOFError):
        return DecodeError("truncated_file", _TRUNCATED)
    return DecodeError("corrupt_file", "The NIfTI file is damaged and cannot be read.")


def _geometry(
    header: Nifti1Header,
) -> tuple[npt.NDArray[np.float64] | None, list[float] | None]:
    """Return the affine to DICOM's patient coordinates and the spacing of the file's axes."""
    unit = _TO_MM.get(int(header["xyzt_units"]) & 7)
    stated = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    try:
        affine = np.asarray(header.get_best_affine(), np.float64) if stated else None
    except (ValueError, HeaderDataError):
        affine = None
    if affine is not None:
        columns = affine[:3, :3]
        lengths = np.linalg.norm(columns, axis=0)
        if not np.isfinite(affine).all() or lengths.min() <= 0:
            affine = None
        elif np.abs((columns / lengths).T @ (columns / lengths) - np.eye(3)).max() > _SQUARE:
            affine = None  # sheared: no stack of slices
    if affine is None:
        lengths = np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    if unit is None or (int(header["xyzt_units"]) & 7 == 0 and (lengths == 1).all()):
        return affine, None  # 1 x 1 x 1 of no unit is what stands there when nobody knows
    spacing = [float(v) * unit for v in lengths]
    if not all(_SPACING_MM[0] <= v <= _SPACING_MM[1] for v in spacing):
        return affine, None
    return (None if affine is None else affine * [[unit], [unit], [unit], [1]]), spacing


def _sliced(header: Nifti1Header) -> int:
    lengths = np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    finest, middle, coarsest = np.sort(lengths)
    if np.isfinite(lengths).all() and finest > 0 and coarsest > _EVEN * middle:
        return int(lengths.argmax())
    named = header.get_dim_info()[2]
    return 2 if named is None else int(named)


def _turn(affine: npt.NDArray[np.float64] | None, axis: int) -> npt.NDArray[np.float64]:
    """Return how nibabel turns the file's axes into columns, rows and slices."""
    if affine is None:
        # As if it were stored as slices are shown; the networks saw volumes like that.
        rest = [place for place in range(3) if place != axis]
        turn = np.ones((3, 2))
        turn[[*rest, axis], 0] = (0, 1, 2)
        return turn
    now = io_orientation(affine)
    codes = [("LR", "PA", "IS")[int(place)][int(sign > 0)] for place, sign in now]
    shown = _SHOWN[_ACROSS[codes[axis]]]
    return np.asarray(ornt_transform(now, axcodes2ornt(shown)))


def _turned(
    affine: npt.NDArray[np.float64], turn: npt.NDArray[np.float64], shape: tuple[int, int, int]
) -> npt.NDArray[np.float64]:
    to_dicom = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI's x runs to the right, y to the front
    return np.asarray(to_dicom @ affine @ inv_ornt_aff(turn, shape), np.float64)


def _grey(voxels: Voxels) -> npt.NDArray[np.uint8]:
    """Set zero to black and the 99.8th percentile of what is above it to white."""
    slices = np.empty(voxels.values.shape, np.uint8)
    sample = _scaled(_thinned(voxels.values), voxels)
    known = sample[np.isfinite(sample)]
    if known.size == 0:
        raise DecodeError("unsupported_pixels", "The NIfTI file holds no numbers.")
    black = 0.0
    if (known < 0).mean() > _NEGATIVE:  # normalised to a mean of zero, for example
        black = float(np.percentile(known, _BLACK_PERCENTILE))
    foreground = known[known > black]
    white = float(np.percentile(foreground, _WHITE_PERCENTILE)) if foreground.size else black + 1
    for place, plane in enumerate(voxels.values):
        values = np.nan_to_num(_scaled(plane, voxels), nan=black, posinf=white, neginf=black)
        slices[place] = np.clip((values - black) * (255.0 / (white - black)), 0, 255)
    return slices


def _thinned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    step = -(-values.size // _SAMPLE)
    return values[:: max(1, step)]


def _scaled(values: npt.NDArray[Any], voxels: Voxels) -> npt.NDArray[np.float32]:
    if voxels.slope == 1 and voxels.intercept == 0:
        return values.astype(np.float32)
    scaled = values.astype(np.float64) * voxels.slope + voxels.intercept
    return np.asarray(scaled, np.float32)
