"""Claims, leases and the sweep: run anything twice, at once, or out of order."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import DEFAULT, patch
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from inference import runs
from inference.engine.reading import Reading
from inference.models import Analysis
from patients.models import HistoryEntry


@pytest.fixture
def sent() -> Any:
    """Catch what would go to the broker."""
    with patch("inference.services.current_app.send_task") as send_task:
        yield lambda: [UUID(call.kwargs["args"][0]) for call in send_task.call_args_list]


def state(analysis: Analysis) -> str:
    analysis.refresh_from_db()
    return analysis.status


def overdue(analysis: Analysis) -> None:
    Analysis.objects.filter(pk=analysis.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def test_the_same_message_twice_writes_one_entry(queued: Analysis) -> None:
    runs.run(queued.id)
    runs.run(queued.id)
    assert state(queued) == "done"
    assert queued.attempts == 1
    assert HistoryEntry.objects.count() == 1


def test_a_message_about_nothing_is_ignored(db: None) -> None:
    runs.run(uuid4())
    assert not Analysis.objects.exists()


def test_only_one_of_two_takes_it(queued: Analysis) -> None:
    assert runs.claim(queued.id) is not None
    assert runs.claim(queued.id) is None


def test_a_worker_that_was_given_up_on_changes_nothing(
    queued: Analysis, sent: Any, settings: Any
) -> None:
    slow = runs.claim(queued.id)
    assert slow is not None
    reading = runs.read(slow)
    overdue(queued)
    runs.sweep()
    runs.run(queued.id)
    files = set(Path(settings.MEDIA_ROOT).rglob("*.png"))
    first = HistoryEntry.objects.get()

    runs.finish(slow, reading)
    assert HistoryEntry.objects.get() == first
    assert set(Path(settings.MEDIA_ROOT).rglob("*.png")) == files
    assert state(queued) == "done"
    assert queued.attempts == 2


def test_a_lost_message_is_sent_again_ever_later(queued: Analysis, sent: Any) -> None:
    runs.sweep()
    assert sent() == []  # not due yet
    waits = []
    for _ in range(3):
        overdue(queued)
        now = timezone.now()
        with patch("django.utils.timezone.now", return_value=now):
            runs.sweep()
        queued.refresh_from_db()
        waits.append((queued.due_at - now).total_seconds())
    assert sent() == [queued.id] * 3
    assert waits[2] == 2 * waits[1] == 4 * waits[0]


def test_a_lost_worker_is_replaced_until_it_is_clear_that_the_scan_kills_workers(
    queued: Analysis, sent: Any, settings: Any
) -> None:
    for attempt in range(settings.ANALYSIS_MAX_ATTEMPTS):
        assert runs.claim(queued.id) is not None
        assert len(sent()) == attempt
        overdue(queued)
        runs.sweep()
    assert state(queued) == "failed"
    assert queued.error_code == "worker_lost"
    runs.sweep()
    assert len(sent()) == settings.ANALYSIS_MAX_ATTEMPTS - 1


def test_a_running_analysis_within_its_lease_is_left_alone(queued: Analysis, sent: Any) -> None:
    runs.claim(queued.id)
    runs.sweep()
    assert state(queued) == "running"
    assert sent() == []


@pytest.mark.parametrize(
    ("cause", "code"),
    [(OSError(), "storage_unavailable"), (MemoryError(), "engine_error")],
)
def test_a_passing_failure_is_tried_again_later_and_only_so_often(
    queued: Analysis, sent: Any, settings: Any, cause: Exception, code: str
) -> None:
    waits = []
    now = timezone.now()
    with (
        patch("inference.runs.read", side_effect=cause),
        patch("django.utils.timezone.now", return_value=now),
    ):
        for _ in range(settings.ANALYSIS_MAX_ATTEMPTS):
            runs.run(queued.id)
            queued.refresh_from_db()
            waits.append((queued.due_at - now).total_seconds())
            assert queued.finished_at is None or queued.status == "failed"
    assert waits[1] == 2 * waits[0] == 2 * settings.ANALYSIS_RETRY_BACKOFF_S
    assert (state(queued), queued.error_code) == ("failed", code)


def test_a_passing_failure_passes(queued: Analysis, sent: Any) -> None:
    with patch("inference.runs.read", side_effect=OSError):
        runs.run(queued.id)
    assert state(queued) == "queued"
    overdue(queued)
    runs.sweep()
    assert sent() == [queued.id]
    runs.run(queued.id)
    assert state(queued) == "done"


@pytest.fixture
def read_as() -> Iterator[Reading]:
    """Every slice is read as this, without the engine."""
    shares = {"glioma": 0.9, "meningioma": 0.05, "pituitary": 0.03, "no_tumor": 0.02}
    square = np.zeros((64, 64), bool)
    reading = Reading(
        accepted=True,
        reasons=[],
        label="glioma",
        probabilities=shares,
        mask=square,
        overlay=square.astype(np.uint8),
        heatmap=square.astype(np.uint8),
        possible_labels=None,
        measurements=None,
        elapsed_ms={"total": 1.0},
        release="test",
    )
    with patch("inference.runs.read", return_value=reading):
        yield reading


@pytest.mark.parametrize("broken", ["record", "png", "settle"])
def test_a_reading_that_cannot_be_kept_is_tried_again_and_leaves_no_files(
    queued: Analysis, settings: Any, read_as: Reading, broken: str
) -> None:
    working = getattr(runs, broken)
    with patch(f"inference.runs.{broken}", side_effect=[OSError, *[DEFAULT] * 9], wraps=working):
        runs.run(queued.id)
    assert state(queued) == "queued"
    assert not list(Path(settings.MEDIA_ROOT).rglob("analyses/*/*.png"))
    assert not HistoryEntry.objects.exists()


def test_pictures_stay_when_only_the_answer_to_the_commit_is_lost(
    queued: Analysis, read_as: Reading
) -> None:
    @contextmanager
    def atomic() -> Iterator[None]:
        with transaction.atomic():
            yield
        raise OperationalError

    with patch("inference.runs.transaction", atomic=atomic):
        runs.run(queued.id)
    assert state(queued) == "done"
    assert all(stored.storage.exists(stored.name) for stored in queued.pictures.values())
    assert HistoryEntry.objects.count() == 1


def test_an_unreachable_broker_loses_nothing(
    queued: Analysis, django_capture_on_commit_callbacks: Any
) -> None:
    from inference import services

    with (
        patch("inference.services.current_app.send_task", side_effect=OSError),
        django_capture_on_commit_callbacks(execute=True),
    ):
        services.send_on_commit(queued)
    assert state(queued) == "queued"
