"""The timeline: in order, in pages, filtered, searched, and never about somebody else."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from patients.models import HistoryEntry, Patient
from patients.services import add_to_care_team, create_patient
from tests.history.conftest import CONDITION, NOTE, Answer


def titles(client: APIClient, url: str, **filters: Any) -> list[str]:
    answer = client.get(url, filters)
    assert answer.status_code == 200, answer.json()
    return [entry["title"] for entry in answer.json()["results"]]


@pytest.fixture
def story(write: Callable[..., Answer]) -> None:
    write("symptom", {"text": "Headache"}, occurred_at="2019-05")
    write("condition", CONDITION, occurred_at="2019-06-02")
    write("procedure", {"text": "Craniotomy"}, occurred_at="2019-06-20T08:00:00Z")
    write("note", {"text": "Doing well"}, occurred_at="2020")


def test_newest_first_by_when_it_happened(as_doctor: APIClient, url: str, story: None) -> None:
    assert titles(as_doctor, url) == [
        "Doing well",
        "Craniotomy",
        "C71.1 Malignant neoplasm: frontal lobe",
        "Headache",
    ]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"kind": "note"}, 1),
        ({"kind": ["note", "symptom"]}, 2),
        ({"since": "2019-06"}, 3),
        ({"since": "2019-06-02", "until": "2019-06-20"}, 2),
        ({"until": "2019-05"}, 1),
        ({"until": "2019"}, 3),
        ({"until": "2019-06-20T08:00:00Z"}, 3),
        ({"until": "2019-06-20T07:59:59Z"}, 2),
        ({"kind": "note", "until": "2019"}, 0),
        ({"status": "entered_in_error"}, 0),
        ({"author": str(uuid4())}, 0),
        ({"search": "neoplasm FRONTAL"}, 1),
        ({"search": "neoplasm parietal"}, 0),
    ],
)
def test_filters(
    as_doctor: APIClient, url: str, story: None, filters: dict[str, Any], count: int
) -> None:
    assert len(titles(as_doctor, url, **filters)) == count


def test_by_author(
    as_doctor: APIClient,
    api: Callable[..., APIClient],
    url: str,
    story: None,
    patient: Patient,
    other_doctor: User,
) -> None:
    add_to_care_team(patient=patient, user=other_doctor)
    api(other_doctor).post(url, {"kind": "note", "data": {"text": "Mine"}})
    assert titles(as_doctor, url, author=str(other_doctor.id)) == ["Mine"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "poem"),
        ("status", "gone"),
        ("since", "yesterday"),
        ("until", "2019-13"),
        ("until", "9999-12"),
        ("author", "me"),
        ("search", "x" * 201),
        ("search", "a\0b"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(
    as_doctor: APIClient, url: str, field: str, value: str
) -> None:
    answer = as_doctor.get(url, {field: value})
    assert answer.status_code == 400
    assert str(answer.json()["field"]).startswith(field)


@pytest.mark.parametrize(
    "wanted",
    ["مصطفي", "الاشعه", "إشعة", "naïve", "NAIVE", "strasse", "أخذ", "100%", "a_b", "\\", "comment"],
)
def test_a_search_looks_through_accents_and_arabic_spelling(
    as_doctor: APIClient, url: str, write: Callable[..., Answer], wanted: str
) -> None:
    write(
        "symptom",
        {
            "text": "Naïve in der Straße 100% a_b \\",
            "comment": "مُصطفى أخــذ الأشعة; in a comment",
        },
    )
    write("note", {"text": "Something else"})
    assert len(titles(as_doctor, url, search=wanted)) == 1


@pytest.mark.parametrize("wild", ["%", "_", "a%c"])
def test_a_search_knows_no_wildcards(
    as_doctor: APIClient, url: str, write: Callable[..., Answer], wild: str
) -> None:
    write("note", {"text": "abc"})
    assert titles(as_doctor, url, search=wild) == []


def test_nobody_elses_entries(
    as_doctor: APIClient, url: str, story: None, patient: Patient, doctor: User
) -> None:
    other = create_patient(user=doctor, family_name="Khoury")
    HistoryEntry.objects.filter(title="Headache").update(patient=other)
    assert titles(as_doctor, url, search="headache") == []
    elsewhere = reverse("patient-history", args=[other.id])
    assert titles(as_doctor, elsewhere) == ["Headache"]


def test_pages_keep_their_filters_and_lose_nothing(
    as_doctor: APIClient, url: str, write: Callable[..., Answer]
) -> None:
    for n in range(7):  # all of them happened in the same year: as far as anybody knows, at once
        write("note", {"text": f"Wanted {n}"}, occurred_at="2019")
        write("symptom", {"text": "Wanted"}, occurred_at="2019")
        write("note", {"text": "Other"}, occurred_at="2019")
    seen: list[str] = []
    page = url + "?page_size=2&kind=note&search=wanted"
    while page:
        answer = as_doctor.get(page).json()
        seen += [entry["title"] for entry in answer["results"]]
        page = answer["next"]
    assert sorted(seen) == [f"Wanted {n}" for n in range(7)]


def test_a_page_costs_the_same_queries_at_any_length(
    as_doctor: APIClient,
    url: str,
    write: Callable[..., Answer],
    django_assert_num_queries: Callable[..., Any],
) -> None:
    write("note", NOTE)
    with CaptureQueriesContext(connection) as few:
        titles(as_doctor, url, search="headaches", kind=["note", "condition"])
        count = len(few)
    assert count <= 4  # the file, the audit, the page with its authors
    for n in range(20):
        write("note", {"text": f"Headaches {n}"})
        write("condition", CONDITION | {"comment": "headaches"})
    with django_assert_num_queries(count):
        assert len(titles(as_doctor, url, search="headaches", kind=["note", "condition"])) == 25


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_search_looks_at_this_patients_rows_only(
    as_doctor: APIClient, url: str, story: None, patient: Patient
) -> None:
    with CaptureQueriesContext(connection) as queries:
        titles(as_doctor, url, search="headache")
        (sql,) = [q["sql"] for q in queries.captured_queries if "LIKE" in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = [row[-1] for row in cursor.fetchall()]
    assert "SEARCH patients_historyentry USING INDEX history_timeline (patient_id=?)" in plan[0]
