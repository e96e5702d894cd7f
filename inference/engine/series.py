"""The way of a series: each slice as by itself, then what neighbours say together.

Whether there is a tumour is asked of bodies: outlines that go on from slice to slice. A body is
called a tumour where it lies on at least two neighbouring slices and is at least 2 mm deep (or on
the only slice that could be read), and where the classifier, weighted by the outlined areas, holds
a tumour for more probable than none.
Which tumour is the most probable of the three, weighted likewise over all bodies called.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inference.engine import agree, render
from inference.engine.clock import Clock
from inference.engine.consistency import Bodies, Body, kept_parts
from inference.engine.preprocess import Prepared
from inference.engine.reading import (
    Measurements,
    Reason,
    SeriesMeasurements,
    SeriesReading,
    SliceReading,
)
from inference.engine.release import CLASSES
from scans.decoding import DecodedSlice, DecodeError

if TYPE_CHECKING:
    from inference.engine.engine import Engine, Seen

Progress = Callable[[int, int], None]
Mask = npt.NDArray[np.bool_]

_LEAST_SLICES = 2
_LEAST_DEPTH_MM = 2.0  # neighbours closer than that are nearly the same picture
_CHUNK = 16  # slices that are seen at once; as many are prepared meanwhile
_THREADS = 2
_NOT_COUNTED = Reason(
    "outline_not_counted",
    "A region was outlined here that is no part of the series' tumour: its neighbours do not "
    "go on with it, or the class speaks against it.",
)


@dataclass(frozen=True)
class _Looked:
    """One slice before the networks have seen it, or why they will not."""

    prepared: Prepared | Reason
    shape: tuple[int, int]
    pixel_mm2: float | None
    clock: Clock


@dataclass(frozen=True)
class _Found:
    """One slice, without its pixels. mask: packed along the last axis; None where refused."""

    reading: SliceReading
    mask: npt.NDArray[np.uint8] | None
    shape: tuple[int, int]
    pixel_mm2: float | None

    def unpacked(self) -> Mask | None:
        if self.mask is None:
            return None
        return np.unpackbits(self.mask, axis=-1, count=self.shape[1]).astype(bool)


def read_series(
    engine: "Engine",
    slices: Sequence[DecodedSlice],
    spacing_between_mm: float | None,
    progress: Progress | None,
) -> SeriesReading:
    """See `Engine.read_series`."""
    clock = Clock()
    found: list[_Found] = []
    bodies = Bodies()
    for one in _in_order(engine, slices, clock):
        bodies.add(len(found), one.unpacked())
        found.append(one)
        if progress is not None:
            progress(len(found), len(slices))
    accepted = [one.reading for one in found if one.reading.accepted]
    if not accepted:
        return _refused(engine, found, clock)
    called = [
        body for body in bodies.found if _is_tumor(body, found, spacing_between_mm, len(accepted))
    ]
    with clock.step("agree"):
        shares = _shares(called, found)
        label = _label(shares) if called else "no_tumor"
        possible = engine.possible_labels(shares, label)
        reasons = _reasons(label, shares, possible, found, called, bodies.found)
        found = [_counted(one, index, called) for index, one in enumerate(found)]
    key = _key_slice(label, found)
    largest = key if called else None
    with clock.step("explain"):
        size, overlay, heatmap = _pictures(engine, slices[key], found[key], label)
    volume = _volume_ml(found, spacing_between_mm) if called else None
    return SeriesReading(
        accepted=True,
        reasons=reasons,
        label=label,
        probabilities=shares,
        possible_labels=possible,
        measurements=_measurements(size, found, key, largest, volume),
        overlay=overlay,
        heatmap=heatmap,
        slices=[one.reading for one in found],
        masks=[_mask_of(one) for one in found],
        shapes=[one.shape for one in found],
        elapsed_ms=clock.elapsed_ms(),
        release=engine.release,
    )


def _in_order(engine: "Engine", slices: Sequence[DecodedSlice], clock: Clock) -> Iterator[_Found]:
    """Read slices chunk by chunk: while the networks see one, threads prepare the next."""
    starts = range(0, len(slices), _CHUNK)
    with ThreadPoolExecutor(_THREADS) as pool:

        def begun(start: int) -> list[Future[_Looked]]:
            ends = min(start + _CHUNK, len(slices))
            return [pool.submit(_look, engine, slices, index) for index in range(start, ends)]

        ahead = begun(0)
        for start in starts:
            looked = [future.result() for future in ahead]
            ahead = begun(start + _CHUNK)
            try:
                yield from _seen_chunk(engine, looked, clock)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _look(engine: "Engine", slices: Sequence[DecodedSlice], index: int) -> _Looked:
    """Decode and prepare a slice."""
    clock = Clock()
    try:
        with clock.step("decode"):
            slice_ = slices[index]
    except DecodeError as error:
        return _Looked(Reason(error.code, error.message), (0, 0), None, clock)
    height, width = slice_.pixels.shape[:2]
    spacing = slice_.spacing_mm
    pixel_mm2 = None if spacing is None else spacing[0] * spacing[1]
    return _Looked(engine.first_look(slice_, clock), (height, width), pixel_mm2, clock)


def _seen_chunk(engine: "Engine", looked: Sequence[_Looked], clock: Clock) -> Iterator[_Found]:
    prepared = [one.prepared for one in looked if not isinstance(one.prepared, Reason)]
    seen = iter(engine.see_all(prepared, clock))
    for one in looked:
        clock.add(one.clock)
        yield _found(engine, one, one.prepared if isinstance(one.prepared, Reason) else next(seen))


def _found(engine: "Engine", one: _Looked, seen: "Seen | Reason") -> _Found:
    if isinstance(seen, Reason):
        return _Found(_refused_slice(seen), None, one.shape, one.pixel_mm2)
    area = int(np.count_nonzero(seen.mask))
    reading = SliceReading(
        accepted=True,
        reasons=engine.warnings_for(seen),
        label=seen.label,
        probabilities=seen.probabilities,
        possible_labels=engine.possible_labels(seen.probabilities, seen.label),
        area_px=area,
        area_mm2=_area_mm2(area, one.pixel_mm2),
    )
    return _Found(reading, np.packbits(seen.mask, axis=-1), one.shape, one.pixel_mm2)


def _refused_slice(reason: Reason) -> SliceReading:
    return SliceReading(False, [reason], None, None, None, 0, None)


def _area_mm2(area_px: int, pixel_mm2: float | None) -> float | None:
    return None if pixel_mm2 is None else round(area_px * pixel_mm2, 2)


def _is_tumor(body: Body, found: Sequence[_Found], between_mm: float | None, accepted: int) -> bool:
    deep_enough = len(body.slices) >= _LEAST_SLICES and (
        between_mm is None or len(body.slices) * between_mm >= _LEAST_DEPTH_MM
    )
    return (deep_enough or accepted == 1) and _shares([body], found)["no_tumor"] < 0.5


def _shares(bodies: Sequence[Body], found: Sequence[_Found]) -> dict[str, float]:
    """Mean probabilities over the bodies' slices by area; without bodies, over all accepted."""
    weights: dict[int, int] = {}
    for body in bodies:
        for index in body.slices:
            weights[index] = weights.get(index, 0) + body.area_px(index)
    if not bodies:
        weights = {index: 1 for index, one in enumerate(found) if one.reading.accepted}
    total = sum(weights.values())
    return {
        name: sum(w * (found[i].reading.probabilities or {})[name] for i, w in weights.items())
        / total
        for name in CLASSES
    }


def _label(shares: dict[str, float]) -> str:
    return max((name for name in CLASSES if name != "no_tumor"), key=lambda name: shares[name])


def _reasons(
    label: str,
    shares: dict[str, float],
    possible: Sequence[str] | None,
    found: Sequence[_Found],
    called: Sequence[Body],
    bodies: Sequence[Body],
) -> list[Reason]:
    """What to keep in mind: unsure, outline_not_counted, class_mask_disagree, slices_refused."""
    reasons = []
    if possible is not None and len(possible) > 1:
        reasons.append(agree.unsure(possible))
    elif possible is None and called and shares[label] < agree.UNSURE_BELOW:
        reasons.append(
            Reason("unsure", "The class is uncertain: look at the slices' own probabilities.")
        )
    left = sorted({i for body in bodies if body not in called for i in body.slices})
    if left:
        reasons.append(
            Reason(
                "outline_not_counted",
                f"{_count(len(left))} an outline that is not called a tumour: it does not go on "
                "over neighbouring slices, or the class speaks against it.",
            )
        )
    voting = [one.reading.label not in (None, "no_tumor") for one in found]
    if not called and any(a and b for a, b in pairwise(voting)):
        reasons.append(
            Reason(
                "class_mask_disagree",
                "The class says tumour on neighbouring slices, yet none could be called.",
            )
        )
    refused = sum(not one.reading.accepted for one in found)
    if refused:
        reasons.append(
            Reason("slices_refused", f"{refused} of {len(found)} slices could not be read.")
        )
    return reasons


def _count(slices: int) -> str:
    return "One slice has" if slices == 1 else f"{slices} slices have"


def _counted(one: _Found, index: int, called: Sequence[Body]) -> _Found:
    """The slice with only those parts of its outline that belong to a called body."""
    mask = one.unpacked()
    if mask is None or not mask.any():
        return one
    parts = {part for body in called for part in body.parts.get(index, ())}
    kept = kept_parts(mask, parts)
    area = int(np.count_nonzero(kept))
    reasons = one.reading.reasons
    if area < one.reading.area_px:
        reasons = [*reasons, _NOT_COUNTED]
    reading = replace(
        one.reading, reasons=reasons, area_px=area, area_mm2=_area_mm2(area, one.pixel_mm2)
    )
    return replace(one, reading=reading, mask=np.packbits(kept, axis=-1))


def _key_slice(label: str, found: Sequence[_Found]) -> int:
    def speaks(index: int) -> tuple[int, float]:
        reading = found[index].reading
        return reading.area_px, (reading.probabilities or {}).get(label, -1.0)

    return max(range(len(found)), key=speaks)


def _pictures(
    engine: "Engine", slice_: DecodedSlice, one: _Found, label: str
) -> tuple[Measurements | None, render.Canvas, render.Canvas]:
    """Measure and draw the key slice; only now is anything drawn."""
    seen = engine.see_again(slice_)
    mask = one.unpacked()
    assert mask is not None  # noqa: S101  (a key slice is an accepted one)
    size = seen.measured(slice_, mask)
    overlay = render.overlay(slice_.pixels, mask, size, outer=seen.outer if size else None)
    return size, overlay, seen.heatmap(slice_, label)


def _volume_ml(found: Sequence[_Found], between_mm: float | None) -> float | None:
    """Areas times the distance between slices; None unless both are known of every tumour slice."""
    areas = [one.reading.area_mm2 for one in found if one.reading.area_px]
    if between_mm is None or any(area is None for area in areas):
        return None
    return round(sum(area or 0.0 for area in areas) * between_mm / 1000, 3)


def _measurements(
    size: Measurements | None,
    found: Sequence[_Found],
    key: int,
    largest: int | None,
    volume_ml: float | None,
) -> SeriesMeasurements:
    nothing: Any = dict.fromkeys(Measurements.__annotations__)
    return SeriesMeasurements(
        volume_ml=volume_ml,
        tumor_slices=sum(one.reading.area_px > 0 for one in found),
        largest_slice=largest,
        key_slice=key,
        **(size or nothing),
    )


def _mask_of(one: _Found) -> npt.NDArray[np.uint8]:
    if one.mask is not None:
        return one.mask
    return np.zeros((one.shape[0], (one.shape[1] + 7) // 8), np.uint8)


def _refused(engine: "Engine", found: Sequence[_Found], clock: Clock) -> SeriesReading:
    reasons = [reason for one in found for reason in one.reading.reasons]
    return SeriesReading(
        accepted=False,
        reasons=reasons[:1] or [Reason("no_slices", "The series has no slices.")],
        label=None,
        probabilities=None,
        possible_labels=None,
        measurements=None,
        overlay=None,
        heatmap=None,
        slices=[one.reading for one in found],
        masks=[_mask_of(one) for one in found],
        shapes=[one.shape for one in found],
        elapsed_ms=clock.elapsed_ms(),
        release=engine.release,
    )
