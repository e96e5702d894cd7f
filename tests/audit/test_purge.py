"""Old events go, and what remains still verifies."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import services
from audit.models import Checkpoint, Event
from tests.audit.test_chain import anchor_in, findings, raw, verify, write

pytestmark = pytest.mark.django_db
TODAY = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
YEARS_AGO = TODAY - timedelta(days=4000)


@pytest.fixture
def long_kept() -> str:
    """Four events of years ago and two of now; return the anchor taken between."""
    for _ in range(4):
        Event(action="patient.read", at=YEARS_AGO).save(force_insert=True)
    services.seal()
    anchor = anchor_in(verify())
    write(2)
    return anchor


def purge(before: object = TODAY.date()) -> str:
    out = io.StringIO()
    call_command("purge_audit", f"--before={before}", stdout=out)
    return out.getvalue()


def test_what_is_older_goes_and_the_rest_verifies(long_kept: str) -> None:
    assert "4 events purged" in purge()

    assert "2 events verified; 1 not sealed yet" in verify()
    gone = Event.objects.get(action="audit.purge")
    assert gone.details == {"before": TODAY.isoformat(), "events": 4, "up_to": 4}


def test_the_chain_goes_on_after_a_purge(long_kept: str) -> None:
    purge()
    write(3)
    assert "6 events verified; 0 not sealed yet" in verify()


def test_a_second_purge_with_nothing_to_do_leaves_no_trace(long_kept: str) -> None:
    purge()
    assert "0 events purged" in purge()
    assert Event.objects.filter(action="audit.purge").count() == 1


def test_only_a_beginning_goes(long_kept: str) -> None:
    """An old event that was sealed after a young one (a clock was wrong) stays with it."""
    Event(action="patient.read", at=YEARS_AGO).save(force_insert=True)
    services.seal()
    assert "4 events purged" in purge()
    assert "3 events verified" in verify()


def test_what_is_not_sealed_stays(long_kept: str) -> None:
    Event(action="patient.edit", at=YEARS_AGO).save(force_insert=True)
    purge()
    assert Event.objects.filter(action="patient.edit").exists()


def test_a_broken_chain_is_not_purged(long_kept: str) -> None:
    raw().filter(sequence=2).update(action="nothing")
    with pytest.raises(CommandError, match="does not verify"):
        purge()
    assert Event.objects.count() == 6


def test_a_beginning_that_was_cut_off_without_the_key(long_kept: str) -> None:
    """A checkpoint is vouched for: a purge cannot be faked by writing one."""
    Checkpoint.objects.create(
        sequence=2, hash=Event.objects.get(sequence=2).hash, mac="0" * 64, before=TODAY
    )
    raw().filter(sequence__lte=2).delete()
    assert findings() == ["2: the checkpoint of the last purge is not ours"]


def test_an_anchor_of_the_last_event_that_went_still_holds(long_kept: str) -> None:
    purge()
    assert "2 events verified" in verify("--anchor", long_kept)


def test_an_older_anchor_is_said_to_be_too_old(long_kept: str) -> None:
    older = f"3:{Event.objects.get(sequence=3).hash}"
    purge()
    assert findings("--anchor", older) == ["3: purged since, use a newer anchor"]


def test_everything_may_go() -> None:
    Event(action="patient.read", at=YEARS_AGO).save(force_insert=True)
    services.seal()
    assert "1 events purged" in purge()
    assert "0 events verified" in verify()
    services.seal()
    assert "1 events verified" in verify()


@pytest.mark.parametrize("before", ["yesterday", "2026-13-01", "9000-01-01"])
def test_a_day_that_is_none_or_to_come_is_refused(before: str) -> None:
    with pytest.raises(CommandError, match="--before"):
        purge(before)
