"""NIfTI volumes as series: one file, which has no identifiers of its own."""

from hashlib import sha256
from pathlib import PurePosixPath
from uuid import UUID

import numpy as np

from scans.decoding.volume import Voxels, read_volume
from scans.series.frames import Geometry, Place
from scans.series.header import Header

GZIP = b"\x1f\x8b"
_SIZES = {(348).to_bytes(4, "little"), (348).to_bytes(4, "big")}
_SIZES |= {(540).to_bytes(4, "little"), (540).to_bytes(4, "big")}


def may_be_volume(data: bytes) -> bool:
    """Whether a file can be NIfTI: packed, or beginning with the size of its header."""
    return data.startswith(GZIP) or data[:4] in _SIZES


def volume_header(data: bytes, *, name: str) -> Header:
    """Describe a NIfTI file as the header of an object would.

    Its identifiers are made of its bytes: sent again, it is the same. Which study it belongs to is
    for the caller to say. Frames are its slices in the
    order and orientation in which `scans.decoding.decode_volume` gives them.

    Args:
        name: The file's, which is all that says what it shows.

    Raises:
        DecodeError: as `scans.decoding.decode_volume`.
    """
    with np.errstate(all="ignore"):
        voxels = read_volume(data)
    count, rows, columns = voxels.values.shape
    digest = sha256(data).hexdigest()
    return Header(
        study_uid="",
        series_uid=uid_of("series", digest),
        instance_uid=uid_of("instance", digest),
        sop_class_uid="",
        transfer_syntax_uid="",
        series_description=PurePosixPath(name).name.removesuffix(".gz").removesuffix(".nii")[:64],
        instance_number=1,
        frames=count,
        rows=rows,
        columns=columns,
        geometry=_geometry(voxels, count),
    )


def uid_of(*names: str) -> str:
    """Return a UID that the same names always give (PS3.5, annex B.2)."""
    digest = sha256("\n".join(names).encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=4).int}"


def _geometry(voxels: Voxels, count: int) -> Geometry:
    places: list[Place] = []
    if voxels.affine is not None:
        directions = voxels.affine[:3, :2] / np.linalg.norm(voxels.affine[:3, :2], axis=0)
        orientation = [float(v) for v in directions.T.ravel()]
        for place in range(count):
            position = voxels.affine[:3, 3] + place * voxels.affine[:3, 2]
            places.append([[float(v) for v in position], orientation])
    return Geometry(
        spacing_mm=list(voxels.spacing_mm) if voxels.spacing_mm else None,
        thickness_mm=voxels.between_mm,
        between_mm=voxels.between_mm,
        frames=places,
    )
