"""Whatever is done to a sealed event behind Falx's back is found, and said where."""

import io
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit import chain, services
from audit.models import Event, Head
from audit.tasks import seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed(db: None) -> list[Event]:
    """Six events in the chain, in its order."""
    return write(6)


def write(count: int) -> list[Event]:
    for number in range(count):
        details = {"number": number}
        services.record(user=None, action="patient.read", patient_id=uuid4(), details=details)
    seal()
    return list(Event.objects.order_by("sequence"))


def raw() -> QuerySet[Event]:
    """Events as somebody with a hand on the database reaches them."""
    return QuerySet(Event)


def verify(*arguments: str) -> str:
    out = io.StringIO()
    call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue()


def findings(*arguments: str) -> list[str]:
    """The lines of a verification that fails."""
    err = io.StringIO()
    with pytest.raises(CommandError, match="not as it was sealed"):
        call_command("verify_audit", *arguments, stderr=err)
    return err.getvalue().splitlines()


def anchor_in(output: str) -> str:
    found = re.search(r"^anchor (\d+:[0-9a-f]{64})$", output, re.MULTILINE)
    assert found
    return found[1]


def test_an_untouched_chain_verifies(sealed: list[Event]) -> None:
    assert "6 events verified; 0 not sealed yet" in verify()


def test_nothing_written_yet_verifies() -> None:
    assert "0 events verified" in verify()


def test_what_is_not_sealed_yet_is_counted(sealed: list[Event]) -> None:
    services.record(user=None, action="patient.read")
    assert "6 events verified; 1 not sealed yet" in verify()


def test_sealing_goes_on_where_it_stopped(sealed: list[Event]) -> None:
    assert [event.sequence for event in write(3)] == list(range(1, 10))
    assert "9 events verified" in verify()


def test_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 4)
    write(10)
    assert "10 events verified; 0 not sealed yet" in verify()


def test_a_changed_event(sealed: list[Event]) -> None:
    raw().filter(sequence=3).update(user_label="Somebody else")
    assert findings() == ["3: changed, or not in its place"]


def test_an_event_that_was_taken_out(sealed: list[Event]) -> None:
    raw().filter(sequence__in=[2, 3]).delete()
    assert findings() == ["2: missing up to 3"]


def test_an_event_that_was_unsealed(sealed: list[Event]) -> None:
    raw().filter(sequence=3).update(sequence=None, hash="")
    assert findings() == ["3: missing"]


def test_two_events_that_changed_places(sealed: list[Event]) -> None:
    raw().filter(sequence=2).update(sequence=100)
    raw().filter(sequence=3).update(sequence=2)
    raw().filter(sequence=100).update(sequence=3)
    assert [line.partition(":")[0] for line in findings()][:2] == ["2", "3"]


def test_an_event_that_was_put_in(sealed: list[Event]) -> None:
    """Everything from its place on is moved, as one would to make room."""
    for sequence in (6, 5, 4):
        raw().filter(sequence=sequence).update(sequence=sequence + 1)
    Event(action="patient.read", sequence=4, hash=sealed[2].hash).save(force_insert=True)
    assert findings()[0] == "4: changed, or not in its place"


def test_an_event_that_was_put_at_the_end(sealed: list[Event]) -> None:
    Event(action="patient.read", sequence=7, hash="0" * 64).save(force_insert=True)
    assert findings()[0] == "7: changed, or not in its place"


def test_a_tail_that_was_cut_off(sealed: list[Event]) -> None:
    raw().filter(sequence__gt=4).delete()
    assert findings() == ["5: missing up to 6, the end of the chain"]


def test_a_tail_that_was_cut_off_with_the_head_is_found_by_an_anchor(sealed: list[Event]) -> None:
    anchor = anchor_in(verify())
    raw().filter(sequence__gt=4).delete()
    Head.objects.update(sequence=4, hash=sealed[3].hash)

    assert "4 events verified" in verify()  # from inside the database this cannot be seen
    assert findings("--anchor", anchor) == ["6: not as the anchor says"]


def test_a_tail_that_was_made_anew_with_the_key_is_found_by_an_anchor(sealed: list[Event]) -> None:
    anchor = anchor_in(verify())
    raw().filter(sequence__gt=4).delete()
    Head.objects.update(sequence=4, hash=sealed[3].hash)
    write(2)

    assert "6 events verified" in verify()
    assert findings("--anchor", anchor) == ["6: not as the anchor says"]


def test_an_anchor_holds_while_the_chain_grows(sealed: list[Event]) -> None:
    anchor = anchor_in(verify())
    write(2)
    assert "8 events verified" in verify("--anchor", anchor)


def test_sealing_prints_an_anchor(sealed: list[Event]) -> None:
    services.record(user=None, action="patient.read")
    out = io.StringIO()
    call_command("seal_audit", stdout=out)
    assert "7 events verified" in verify("--anchor", anchor_in(out.getvalue()))


@pytest.mark.parametrize("anchor", ["6", "six:" + "0" * 64, "6:abc"])
def test_what_is_no_anchor_is_refused(anchor: str) -> None:
    with pytest.raises(CommandError, match="not SEQUENCE:HASH"):
        call_command("verify_audit", "--anchor", anchor)


def test_a_head_that_was_removed(sealed: list[Event]) -> None:
    Head.objects.all().delete()
    assert findings() == ["6: after what was the end of the chain"]


def test_another_key_verifies_nothing(sealed: list[Event], settings: Any) -> None:
    settings.AUDIT_KEY = "another"
    assert len(findings()) == 6


def test_the_hash_covers_every_field() -> None:
    fields = {field.attname for field in Event._meta.concrete_fields}
    assert fields - {"hash"} == set(chain.FIELDS)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
DETAILS = st.dictionaries(TEXTS, TEXTS | st.integers(-9, 9) | st.none(), max_size=2)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.uuids(),
    "at": MOMENTS,
    "details": DETAILS,
    "sequence": st.integers(-9, 0) | st.integers(4, 2**62),  # not another event's: it is unique
    "hash": TEXTS.filter(bool),  # the database refuses a sealed event without one
    **dict.fromkeys(("user_id", "patient_id", "subject_id"), st.uuids() | st.none()),
}


class AnyChange(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_single_change_to_any_sealed_event_is_found(self, data: st.DataObject) -> None:
        events = write(3)
        event = data.draw(st.sampled_from(events))
        name = data.draw(st.sampled_from([*chain.FIELDS, "hash"]))
        changed = data.draw(CHANGES.get(name, TEXTS))
        assume(changed != getattr(event, name))
        raw().filter(pk=event.pk).update(**{name: changed})
        assert findings()
