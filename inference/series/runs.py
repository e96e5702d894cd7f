"""What workers do with an analysis of a series: read it slice by slice, and tell how far it is."""

import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction

from inference import jobs, runs
from inference.models import SeriesAnalysis
from inference.series import history, masks, services
from inference.series.signals import series_read
from inference.series.slices import Stored, stored_slices
from scans.models import Series

if TYPE_CHECKING:
    from inference.engine.reading import SeriesReading

_TELL_EVERY_S = 0.5
_OF_A_PART = ("missing_slices", "transfer_broken")

Status = SeriesAnalysis.Status


def run(analysis_id: UUID) -> None:
    """Read the series of a queued analysis and put the reading into the patient's history."""
    analysis = jobs.claim(SeriesAnalysis, analysis_id, "series__study__patient")
    if analysis is None:
        return
    jobs.carry_out(analysis, read_and_finish)
    services.read_what_came_since(analysis)


def read_and_finish(analysis: SeriesAnalysis) -> None:
    stored = stored_slices(analysis.series)
    jobs.renew(analysis, slices_done=0, slices_total=len(stored.slices))
    finish(analysis, stored, read(analysis, stored))


def read(analysis: SeriesAnalysis, stored: Stored) -> "SeriesReading":
    engine = runs.engine(analysis.release_wanted)
    return engine.read_series(
        stored.slices, spacing_between_mm=stored.between_mm, progress=Progress(analysis)
    )


class Progress:
    """Writes down how many slices are read, at most twice a second, and renews the lease."""

    def __init__(self, analysis: SeriesAnalysis) -> None:
        self._analysis = analysis
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told_at < _TELL_EVERY_S:
            return
        jobs.renew(self._analysis, slices_done=done, slices_total=total)
        self._told_at = time.monotonic()


def finish(analysis: SeriesAnalysis, stored: Stored, reading: "SeriesReading") -> None:
    """Store the reading, its files and its history entry: all of it, or nothing."""
    fields = runs.ended(reading) | {
        "slices": slices_of(stored, reading),
        "slices_done": len(reading.slices),
        "slices_total": len(reading.slices),
    }
    fields["reasons"] += what_is_missing(analysis.series)
    try:
        for name, content in files_of(reading).items():
            suffix = "npz" if name == "masks" else "png"
            getattr(analysis, name).save(f"{name}.{suffix}", ContentFile(content), save=False)
            fields[name] = getattr(analysis, name).name
        with transaction.atomic():
            if jobs.settle(analysis, **fields) and reading.accepted:
                for name, value in fields.items():
                    setattr(analysis, name, value)
                history.write(analysis)
                send = partial(series_read.send, sender=SeriesAnalysis, analysis=analysis)
                transaction.on_commit(send, robust=True)
    finally:
        jobs.remove_unused_files(analysis, analysis.files)


def what_is_missing(series: Series) -> list[dict[str, str]]:
    """A reading of a part says so: the tumour may go on in what is not there."""
    return [problem for problem in series.problems if problem["code"] in _OF_A_PART]


def slices_of(stored: Stored, reading: "SeriesReading") -> list[dict[str, Any]]:
    """As `SeriesAnalysis.slices` keeps them."""
    nowhere: list[float | None] = [None] * len(stored.frames)
    positions = stored.positions_mm or nowhere
    return [
        {
            "index": index,
            "instance": frame.instance.uid,
            "frame": frame.number,
            "position_mm": None if position is None else round(position, 3),
            **asdict(found),
        }
        for index, (frame, position, found) in enumerate(
            zip(stored.frames, positions, reading.slices, strict=True)
        )
    ]


def files_of(reading: "SeriesReading") -> dict[str, bytes]:
    if reading.overlay is None or reading.heatmap is None:
        return {}
    return {
        "masks": masks.pack(reading.masks, reading.shapes),
        "overlay": runs.png(reading.overlay),
        "heatmap": runs.png(reading.heatmap),
    }
