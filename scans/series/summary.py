"""What all headers of a series say together: how its slices lie, and what it is of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scans.models import Instance, Series
from scans.series.geometry import Problem, Stack, arrange
from scans.series.selection import About

# What tells the frames at one position apart; the lowest stands for the position.
_REPEATS = ("time_point", "echo", "acquisition")
_ABSENT = object()


@dataclass(frozen=True)
class Frame:
    """One picture of a series: a frame of an instance, numbered from 1."""

    instance: Instance
    number: int


@dataclass(frozen=True)
class Summary:
    """`frames` are all pictures in the order in which `stack` counts them."""

    frames: list[Frame]
    stack: Stack
    facts: dict[str, Any]
    problems: list[Problem]
    about: About

    @property
    def slices(self) -> list[Frame]:
        """One picture of each position, in the order of the positions."""
        return [self.frames[place] for place in self.stack.slices]


def summarise(series: Series, instances: Iterable[Instance] | None = None) -> Summary:
    """Look at all instances of a series.

    Args:
        instances: Those that are at hand; else all are fetched, without their files.
    """
    if instances is None:
        instances = series.instances.all()
    everything = sorted(instances, key=_usual_order)
    images = [one for one in everything if one.rows]
    frames = [Frame(one, number) for one in images for number in range(1, one.frames + 1)]
    spacing = _alike(tuple((one.geometry or {}).get("spacing_mm") or ()) for one in images)
    sizes = {(one.rows, one.columns) for one in images}
    stack = arrange([place for one in images for place in places_of(one)], spacing or None)
    common = _in_common([one.facts for one in images])
    problems = list(stack.problems)
    if len(sizes) > 1:
        problems.append(Problem("mixed_sizes", "Its slices differ in rows and columns."))
    if spacing is None and images:
        problems.append(Problem("mixed_spacing", "Its slices differ in the size of their pixels."))
    rows, columns = sizes.pop() if len(sizes) == 1 else (None, None)
    facts = common | {
        "instances": len(everything),
        "frames": len(frames),
        "slices": len(stack.slices),
        "missing": stack.missing,
        "repeats": stack.repeats,
        "rows": rows,
        "columns": columns,
        "spacing_mm": list(spacing) if spacing else None,
        "between_mm": stack.between_mm,
        "thickness_mm": _alike((one.geometry or {}).get("thickness_mm") for one in images),
        "voxel_mm3": stack.voxel_mm3,
    }
    about = About(
        modality=series.modality,
        description=series.description,
        body_part=series.body_part,
        sop_classes={one.sop_class_uid for one in everything if one.sop_class_uid},
        image_types=common.get("image_types", []),
        facts=common,
        slices=len(stack.slices),
        frames=len(frames),
        mixed=stack.plane == "mixed",
    )
    return Summary(frames, stack, facts, problems, about)


def places_of(instance: Instance) -> Sequence[list[list[float]] | None]:
    """Where each frame of an image lies; None where that is not known."""
    known = (instance.geometry or {}).get("frames") or []
    return known if len(known) == instance.frames else [None] * instance.frames


def _usual_order(instance: Instance) -> tuple[Any, ...]:
    repeats = tuple(instance.facts.get(name) or 0 for name in _REPEATS)
    return *repeats, instance.number or 0, instance.uid


def _alike(values: Iterable[Any]) -> Any:
    """The value that all have; None where they differ, or there are none."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _in_common(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The facts that all instances agree in, and all image types that there are."""
    if not each:
        return {}
    common = {
        name: value
        for name, value in each[0].items()
        if all(other.get(name, _ABSENT) == value for other in each)
    }
    types = [
        t for facts in each for name in ("image_type", "frame_type") for t in facts.get(name, [])
    ]
    return common | {"image_types": list(dict.fromkeys(types))}
