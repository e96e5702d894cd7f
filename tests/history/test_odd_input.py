"""Whatever is sent, the answer is never a failure, and never half of an entry."""

import json
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from patients.history.kinds import KINDS, WRITABLE
from patients.models import Change, HistoryEntry, HistoryVersion

LETTERS = st.characters(exclude_categories=[])  # half characters too
DATES = st.one_of(
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "+14:00"),
    st.dates().map(str),
    st.integers(-10, 100_000).map(lambda year: f"{year:04}"),
    st.sampled_from(["2020-02-30", "2020-1-1", "2020-13", "2019-W05", "now", "٢٠١٩-٠١"]),
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([10**30, -(10**300), 1e308]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(LETTERS), DATES)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(LETTERS), inner)),
    max_leaves=8,
)
NAMES = sorted({str(name) for kind in WRITABLE for name in KINDS[kind]().fields})
CHOICES = sorted(
    {
        str(choice)
        for kind in WRITABLE
        for field in KINDS[kind]().fields.values()
        for choice in getattr(field, "choices", ())
    }
)
DATA = st.dictionaries(
    st.one_of(st.sampled_from(NAMES), st.text(LETTERS)),
    st.one_of(JSON, st.sampled_from([*CHOICES, "C71.1", 7, 70])),
    max_size=8,
)
BODIES = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"kind": st.sampled_from([*WRITABLE, "reading"]), "data": st.one_of(DATA, JSON)},
        optional={"occurred_at": st.one_of(DATES, JSON), "status": JSON},
    ),
)


@pytest.mark.django_db
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=BODIES)
@example(body={"kind": "note", "data": {"text": "a\ud800"}})
@example(body={"kind": "note", "data": {"text": "x", "\ud800": 1}})
@example(body={"kind": "note", "data": {"text": "x", "y" * 100_000: 1}})
@example(body={"kind": "note", "data": {"text": "x"}, "occurred_at": "0001-01-01T00:00:00+14:00"})
@example(body={"kind": "laboratory", "data": {"name": "Na", "value": float("nan")}})
@example(body={"kind": "laboratory", "data": {"name": "Na", "value": 10**300}})
@example(body={"kind": ["note"], "data": {"text": "x"}})
def test_post(as_doctor: APIClient, url: str, body: Any) -> None:
    before = HistoryEntry.objects.count()
    sent = json.dumps(body)  # NaN and Infinity too, as some clients write them
    answer = as_doctor.post(url, sent, content_type="application/json")
    assert answer.status_code in (201, 400), answer.content
    entries = HistoryEntry.objects.count()
    assert entries - before == (answer.status_code == 201)
    assert HistoryVersion.objects.count() == entries
    assert Change.objects.filter(kind="entry").count() == entries
    if answer.status_code == 201:
        assert as_doctor.get(url, {"search": answer.json()["title"][:50]}).status_code in (200, 400)
    else:
        assert {"code", "message", "field"} <= set(answer.json())


@pytest.mark.django_db
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=st.one_of(JSON, st.fixed_dictionaries({"data": DATA})))
def test_patch(as_doctor: APIClient, note: Any, body: Any) -> None:
    entry = HistoryEntry.objects.get()
    answer = as_doctor.patch(
        f"/api/v1/history/{entry.id}",
        json.dumps(body),
        content_type="application/json",
        headers={"If-Match": "*"},
    )
    assert answer.status_code in (200, 400), answer.content
    entry.refresh_from_db()
    assert entry.version == HistoryVersion.objects.count()
    assert entry.data == entry.versions.first().data  # type: ignore[union-attr]


@pytest.mark.django_db
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    filters=st.dictionaries(
        st.sampled_from(["kind", "status", "since", "until", "author", "search", "cursor"]),
        st.one_of(st.text(st.characters(exclude_categories=["Cs"])), DATES),
    )
)
def test_list(as_doctor: APIClient, url: str, note: Any, filters: dict[str, str]) -> None:
    assert as_doctor.get(url, filters).status_code in (200, 400, 404)
    assert connection.is_usable()
