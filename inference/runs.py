"""What workers do with an analysis of a slice: read it, and write down what was found."""

from dataclasses import asdict
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from inference import installed, jobs
from inference.jobs import settle
from inference.models import Analysis, Label, Picture, SeriesAnalysis
from patients.history.services import record
from patients.models import HistoryEntry
from scans.previews import PNG_LEVEL

if TYPE_CHECKING:
    from inference.engine.engine import Engine
    from inference.engine.reading import Reading, SeriesReading

Status = Analysis.Status


def run(analysis_id: UUID) -> None:
    """Read the scan of a queued analysis and put the reading into the patient's history."""
    analysis = claim(analysis_id)
    if analysis is not None:  # else done, cancelled, or in other hands: a message may come twice
        jobs.carry_out(analysis, lambda claimed: finish(claimed, read(claimed)))


def claim(analysis_id: UUID) -> Analysis | None:
    """Take a queued analysis; None when there is nothing to take."""
    return jobs.claim(Analysis, analysis_id, "scan__patient")


def engine(release: str = "") -> "Engine":
    """Return a release, else the active one; each process keeps the last two that it loaded.

    Only workers pay for it: the web never calls this.
    """
    return _loaded(installed.folder(release))


@lru_cache(maxsize=2)
def _loaded(folder: Path) -> "Engine":
    from inference.engine.engine import Engine

    return Engine.load(folder)


def read(analysis: Analysis) -> "Reading":
    with analysis.scan.original.open("rb") as original:
        return engine(analysis.release_wanted).read_file(original.read())


def finish(analysis: Analysis, reading: "Reading") -> None:
    """Store the reading, its pictures and its history entry: all of it, or nothing."""
    fields = ended(reading)
    try:
        for kind in Picture:
            if (pixels := getattr(reading, kind.value)) is not None:
                getattr(analysis, kind.value).save(
                    f"{kind.value}.png", ContentFile(png(pixels)), save=False
                )
                fields[kind.value] = getattr(analysis, kind.value).name
        with transaction.atomic():
            if settle(analysis, **fields) and reading.accepted:
                write_history(analysis, reading)
    finally:
        jobs.remove_unused_files(analysis, analysis.pictures)


def ended(reading: "Reading | SeriesReading") -> dict[str, Any]:
    """Every field of a run that a reading ends, its files aside."""
    fields = outcome(reading) | {
        "status": Status.DONE if reading.accepted else Status.REJECTED,
        "finished_at": timezone.now(),
    }
    if not reading.accepted:
        why = reading.reasons[0]
        fields |= {"error_code": why.code, "error_message": why.message}
    return fields


def outcome(reading: "Reading | SeriesReading") -> dict[str, Any]:
    """What the run and the history entry both keep of a reading, pictures aside."""
    return {
        "label": reading.label or "",
        "probabilities": reading.probabilities,
        "possible_labels": reading.possible_labels,
        "reasons": [asdict(reason) for reason in reading.reasons],
        "measurements": reading.measurements,
        "elapsed_ms": reading.elapsed_ms,
        "release": reading.release,
    }


def write_history(analysis: Analysis, reading: "Reading") -> None:
    label = Label(str(reading.label))
    probability = (reading.probabilities or {})[label]
    record(
        patient=analysis.scan.patient,
        kind=HistoryEntry.Kind.READING,
        subject_id=analysis.id,
        title=f"{label.label}, {percent(probability)}",
        author=analysis.requested_by,
        occurred_at=analysis.scan.happened_at,
        data={
            "analysis": str(analysis.id),
            "scan": str(analysis.scan_id),
            "status": "preliminary",
        }
        | outcome(reading)
        | {kind.value: reverse(f"analysis-{kind.value}", args=[analysis.id]) for kind in Picture},
    )


def percent(probability: float) -> str:
    """Say a probability without ever saying that something is certain."""
    return ">99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def sweep() -> None:
    """Bring back every analysis whose message or worker got lost. Safe to run anywhere, often."""
    jobs.sweep(Analysis, "scan")
    jobs.sweep(SeriesAnalysis, "series__study")


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG: uint8 pictures as they are, boolean masks as 0 and 255."""
    out = BytesIO()
    picture = Image.fromarray(pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels)
    picture.save(out, "PNG", compress_level=PNG_LEVEL)
    return out.getvalue()
