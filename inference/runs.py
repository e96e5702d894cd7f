"""What workers do with an analysis: claim, read, finish; and what the sweep does for lost ones.

Every change of state is a compare-and-set on the row, so that any of these may run twice, at once
or out of order, and the outcome is the same.
"""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from inference.models import Analysis, Label, Picture
from inference.services import publish, queued_now, send
from patients.history.services import record
from patients.models import Change, HistoryEntry
from scans.decoding import DecodeError

if TYPE_CHECKING:
    from inference.engine.engine import Engine
    from inference.engine.reading import Reading

logger = logging.getLogger(__name__)

Status = Analysis.Status


def run(analysis_id: UUID) -> None:
    """Read the scan of a queued analysis and put the reading into the patient's history."""
    analysis = claim(analysis_id)
    if analysis is None:
        return  # done, cancelled, or in other hands: a message may come twice
    try:
        finish(analysis, read(analysis))
    except DecodeError as broken:
        fail(analysis, broken.code, broken.message)
    except Exception as cause:
        logger.exception("Analysis %s, attempt %d", analysis.id, analysis.attempts)
        retry_later_or_fail(analysis, cause)


@transaction.atomic
def claim(analysis_id: UUID) -> Analysis | None:
    """Take a queued analysis; None when there is nothing to take."""
    run_id = uuid4()
    now = timezone.now()
    taken = Analysis.objects.filter(pk=analysis_id, status=Status.QUEUED).update(
        status=Status.RUNNING,
        run_id=run_id,
        attempts=F("attempts") + 1,
        started_at=now,
        due_at=now + timedelta(seconds=settings.ANALYSIS_LEASE_S),
    )
    if not taken:
        return None
    analysis = Analysis.objects.select_related("scan__patient", "requested_by").get(
        pk=analysis_id, run_id=run_id
    )
    publish(analysis, Change.Action.UPDATED)
    return analysis


@cache
def engine() -> "Engine":
    """Load the engine, once per process. Only workers pay for it: the web never calls this."""
    from inference.engine.engine import Engine

    return Engine.load(settings.FALX_RELEASE or None)


def read(analysis: Analysis) -> "Reading":
    with analysis.scan.original.open("rb") as original:
        return engine().read_file(original.read())


def finish(analysis: Analysis, reading: "Reading") -> None:
    """Store the reading, its pictures and its history entry: all of it, or nothing."""
    fields = outcome(reading) | {
        "status": Status.DONE if reading.accepted else Status.REJECTED,
        "finished_at": timezone.now(),
    }
    if not reading.accepted:
        why = reading.reasons[0]
        fields |= {"error_code": why.code, "error_message": why.message}
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
        remove_unused_pictures(analysis)


def outcome(reading: "Reading") -> dict[str, Any]:
    """What the analysis and the history entry both keep of a reading, pictures aside."""
    return {
        "label": reading.label or "",
        "probabilities": reading.probabilities,
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


def retry_later_or_fail(analysis: Analysis, cause: Exception) -> None:
    """Give the analysis back to the queue, for later; after the last attempt it has failed."""
    if analysis.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
        fail(analysis, *explain(cause))
        return
    wait = settings.ANALYSIS_RETRY_BACKOFF_S * 2 ** (analysis.attempts - 1)
    due_at = timezone.now() + timedelta(seconds=wait)
    # Not sent now: the sweep sends what is due, so that waiting needs no memory of a broker's.
    settle(analysis, status=Status.QUEUED, due_at=due_at, sends=0)


def explain(cause: Exception) -> tuple[str, str]:
    if isinstance(cause, SoftTimeLimitExceeded):
        return "time_limit", "The reading took too long and was stopped."
    if isinstance(cause, OSError):
        return "storage_unavailable", "The stored scan could not be read."
    return "engine_error", "The reading failed for a reason of ours; the scan is kept."


def fail(analysis: Analysis, code: str, message: str) -> None:
    settle(
        analysis,
        status=Status.FAILED,
        error_code=code,
        error_message=message,
        finished_at=timezone.now(),
    )


@transaction.atomic
def settle(analysis: Analysis, **fields: object) -> bool:
    """Change the row if this run still owns it; say whether it did."""
    owned = Analysis.objects.filter(pk=analysis.pk, status=Status.RUNNING, run_id=analysis.run_id)
    changed = bool(owned.update(**{"run_id": None, **fields}))
    if changed:
        publish(analysis, Change.Action.UPDATED)
        logger.info("Analysis %s: %s", analysis.pk, fields["status"])
    return changed


def sweep() -> None:
    """Bring back every analysis whose message or worker got lost. Safe to run anywhere, often."""
    now = timezone.now()
    due = Analysis.objects.filter(status__in=Analysis.ACTIVE, due_at__lte=now)
    due = due.select_related("scan")
    for analysis in due.order_by("due_at")[:1000]:
        settle_lost(analysis) if analysis.status == Status.RUNNING else send_again(analysis, now)


def settle_lost(analysis: Analysis) -> None:
    """Its worker died or hangs. Queue it again, unless it has killed enough workers."""
    if analysis.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
        fail(analysis, "worker_lost", "The reading broke off several times; the scan is kept.")
    elif settle(analysis, **queued_now(), sends=1):
        send(analysis.id)


def send_again(analysis: Analysis, now: datetime) -> None:
    """Its message is lost, or the queue is long: wait twice as long before the next."""
    wait = timedelta(seconds=settings.ANALYSIS_RESEND_S * 2 ** min(analysis.sends, 6))
    still = Analysis.objects.filter(pk=analysis.pk, status=Status.QUEUED, due_at=analysis.due_at)
    if still.update(due_at=now + wait, sends=F("sends") + 1):
        send(analysis.id)


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG: uint8 pictures as they are, boolean masks as 0 and 255."""
    out = BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels).save(
        out, "PNG"
    )
    return out.getvalue()


def remove_unused_pictures(analysis: Analysis) -> None:
    """Take this run's pictures away again unless the row has them.

    The row is asked: a commit may have happened although all that came back was an error.
    """
    used = Analysis.objects.filter(pk=analysis.pk).values_list(*Picture.values).first() or ()
    for stored in analysis.pictures.values():
        if stored and stored.name not in used:
            stored.delete(save=False)
