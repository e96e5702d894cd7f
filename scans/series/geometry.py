"""How the slices of a series lie in the patient: their order, their distances, what is missing.

Pure numpy. Positions and directions are millimetres and cosines of DICOM's patient coordinates:
x to the left, y to the back, z to the head (PS3.3, C.7.6.2.1.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Plane = Literal["axial", "coronal", "sagittal", "oblique", "mixed", ""]

PARALLEL = np.cos(np.radians(2))  # directions that differ by less are the same
ALONG_AN_AXIS = 0.8  # of a plane's normal: beyond 37 degrees it is oblique, as viewers have it
SAME_PLACE_MM = 0.01
TOLERANCE = 0.1  # of the distance between slices
TOLERANCE_MM = 0.05  # what rounded headers may add to it
SHIFT_MM = 1.0  # how far a slice may lie beside the line of the others
_PLANES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Problem:
    """What whoever reads the series should know; `code` is stable."""

    code: str
    message: str


@dataclass(frozen=True)
class Stack:
    """Frames in the order of their positions along their normal, where they have one.

    Attributes:
        order: Places of all frames in what was given, sorted; those at one position stand together
            in the order in which they were given.
        slices: The first frame of each position: one volume, however often it was taken.
        positions_mm: Along the normal, for each of `slices`; None where they have no common normal.
        between_mm: From one slice to the next (to its neighbour, where some are missing); None
            where that differs, or there is only one.
        missing: How many slices are left out between others.
        repeats: How many frames lie where another one does: echoes, time points.
        affine: 4 x 4, from (column, row, slice) to millimetres; None unless the slices make a
            volume: evenly spaced, none missing, pixels of known size.
    """

    order: list[int]
    slices: list[int]
    positions_mm: list[float] | None
    between_mm: float | None
    plane: Plane
    missing: int
    repeats: int
    affine: Floats | None
    problems: list[Problem]

    @property
    def voxel_mm3(self) -> float | None:
        """What one voxel takes up; None where that is not known."""
        if self.affine is None:
            return None
        return float(abs(np.linalg.det(self.affine[:3, :3])))


def arrange(
    places: Sequence[tuple[Sequence[float], Sequence[float]] | Sequence[Sequence[float]] | None],
    spacing_mm: Sequence[float] | None = None,
) -> Stack:
    """Arrange frames by where they lie.

    Args:
        places: Of each frame its position (3) and orientation (6), or None where it is not known.
            Frames are given in the order that holds where nothing else decides.
        spacing_mm: Between rows and between columns, where it is the same for all frames.
    """
    everything = list(range(len(places)))
    known = [place for place in places if place is not None]
    if not known or len(known) < len(places):
        message = "Not all slices say where they lie; they stand in the order of their numbers."
        problems = [Problem("no_geometry", message)] if places else []
        return Stack(everything, everything, None, None, "", 0, 0, None, problems)
    positions = np.array([place[0] for place in known], np.float64)
    directions = np.array([place[1] for place in known], np.float64)
    groups = _orientations(directions)
    if groups.max() > 0:
        return _mixed(positions, directions, groups)
    return _parallel(positions, directions[0], spacing_mm)


def plane_of(orientation: Sequence[float] | Floats) -> Plane:
    """Name the plane of a picture by its six direction cosines."""
    normal = np.abs(normal_of(orientation))
    axis = int(normal.argmax())
    return _PLANES[axis] if normal[axis] >= ALONG_AN_AXIS else "oblique"


def normal_of(orientation: Sequence[float] | Floats) -> Floats:
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal), np.float64)


def _orientations(directions: Floats) -> npt.NDArray[np.int64]:
    """Number each frame's orientation, in the order in which they first come."""
    numbers = np.full(len(directions), -1, np.int64)
    number = 0
    while (left := np.flatnonzero(numbers < 0)).size:
        one = directions[left[0]] / np.linalg.norm(directions[left[0]]) * np.sqrt(2)
        along_rows, along_columns = directions[left, :3] @ one[:3], directions[left, 3:] @ one[3:]
        alike = (along_rows >= PARALLEL) & (along_columns >= PARALLEL)
        alike[0] = True  # itself, whatever rounding says
        numbers[left[alike]] = number
        number += 1
    return numbers


def _mixed(positions: Floats, directions: Floats, groups: npt.NDArray[np.int64]) -> Stack:
    """Sort within each orientation: localizers, or several stacks that were sent as one series."""
    order: list[int] = []
    for number in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == number)
        along = positions[members] @ normal_of(directions[members[0]])
        order += [int(place) for place in members[np.argsort(along, kind="stable")]]
    message = f"Its slices lie in {int(groups.max()) + 1} different orientations."
    problems = [Problem("mixed_orientations", message)]
    return Stack(order, order, None, None, "mixed", 0, 0, None, problems)


def _parallel(positions: Floats, orientation: Floats, spacing_mm: Sequence[float] | None) -> Stack:
    normal = normal_of(orientation)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    first = _firsts(along[order])
    slices = order[first]
    # Frames at one place keep the order in which they were given, whatever rounding did to them.
    slices = np.array([min(group) for group in np.split(order, first[1:])], np.int64)
    order = np.concatenate([np.sort(group) for group in np.split(order, first[1:])])
    distances = np.diff(along[slices])
    between, missing = _between(distances)
    repeats = len(order) - len(slices)
    problems = list(_problems(between, missing, repeats, distances))
    shifted = _shift_mm(positions[slices]) > SHIFT_MM
    if shifted:
        problems.append(Problem("shifted_slices", "Its slices do not lie in one line."))
    affine = None
    if spacing_mm is not None and between is not None and not missing and not shifted:
        affine = _affine(positions[slices], orientation, spacing_mm)
    return Stack(
        order=[int(place) for place in order],
        slices=[int(place) for place in slices],
        positions_mm=[float(v) for v in along[slices]],
        between_mm=between,
        plane=plane_of(orientation),
        missing=missing,
        repeats=repeats,
        affine=affine,
        problems=problems,
    )


def _firsts(along: Floats) -> npt.NDArray[np.int64]:
    """Where, in sorted positions, each new position begins."""
    gaps = np.diff(along)
    real = gaps[gaps > SAME_PLACE_MM]
    # Of slices that were taken again while the patient moved a little, the typical gap decides.
    least = max(SAME_PLACE_MM, TOLERANCE * float(np.median(real))) if real.size else SAME_PLACE_MM
    return np.concatenate([[0], np.flatnonzero(gaps > least) + 1]).astype(np.int64)


def _between(distances: Floats) -> tuple[float | None, int]:
    """Return the distance between neighbours and how many slices are missing between others.

    For that all must be about whole multiples of the least; else there is no one distance.
    """
    if not distances.size:
        return None, 0
    least = float(distances.min())
    near = distances[distances < 1.5 * least]
    typical = float(np.median(near))
    steps = np.rint(distances / typical)
    allowed = TOLERANCE * typical + TOLERANCE_MM
    if (np.abs(distances - steps * typical) > allowed).any():
        return None, 0
    between = float(distances.sum() / steps.sum())
    return between, int(steps.sum()) - len(steps)


def _problems(
    between: float | None, missing: int, repeats: int, distances: Floats
) -> Sequence[Problem]:
    found = []
    if missing:
        what = "1 slice is" if missing == 1 else f"{missing} slices are"
        found.append(Problem("missing_slices", f"{what} missing between the others."))
    if between is None and distances.size:
        low, high = distances.min(), distances.max()
        message = f"Its slices lie between {low:.2f} and {high:.2f} mm apart."
        found.append(Problem("uneven_spacing", message))
    if repeats:
        message = f"{repeats} of its slices lie where another one does: echoes or time points."
        found.append(Problem("repeated_positions", message))
    return found


def _shift_mm(positions: Floats) -> float:
    """How far the farthest slice lies beside the line from the first to the last."""
    if len(positions) < 3:
        return 0.0
    line = positions[-1] - positions[0]
    line /= np.linalg.norm(line)
    beside = positions - positions[0]
    beside = beside - np.outer(beside @ line, line)
    return float(np.linalg.norm(beside, axis=1).max())


def _affine(positions: Floats, orientation: Floats, spacing_mm: Sequence[float]) -> Floats:
    """PS3.3, equation C.7.6.2.1-1, with the slices as a third axis."""
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * spacing_mm[1]
    affine[:3, 1] = orientation[3:] * spacing_mm[0]
    affine[:3, 2] = (positions[-1] - positions[0]) / (len(positions) - 1)
    affine[:3, 3] = positions[0]
    return affine
