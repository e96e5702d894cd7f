"""When things happened: as exactly as anybody knows, never later than now, never before birth."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.history.conftest import NOTE

FUTURE = (timezone.now() + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("given", "shown", "precision"),
    [
        ("2019", "2019", "year"),
        ("2019-05", "2019-05", "month"),
        ("2019-05-03", "2019-05-03", "day"),
        ("2019-05-03T10:00:00+03:00", "2019-05-03T07:00:00Z", "time"),
        ("2019-05-03T10:00:00.5", "2019-05-03T10:00:00.500000Z", "time"),
        ("1980-02", "1980-02", "month"),
        ("1980-02-29T00:30:00+03:00", "1980-02-28T21:30:00Z", "time"),
    ],
)
def test_a_date_is_as_exact_as_it_was_given(
    write: Callable[..., Any], given: str, shown: str, precision: str
) -> None:
    entry = write("note", NOTE, occurred_at=given)
    assert (entry["occurred_at"], entry["precision"]) == (shown, precision)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param(FUTURE, "date_in_future", id="the day after tomorrow, to the second"),
        pytest.param(FUTURE[:10], "date_in_future", id="the day after tomorrow"),
        ("2999", "date_in_future"),
        ("1980-02-28", "before_birth"),
        ("1980-01", "before_birth"),
        ("1979", "before_birth"),
        ("1980-02-28T23:00:00Z", "before_birth"),
        ("2019-02-29", "invalid"),
        ("2019-13", "invalid"),
        ("0000", "invalid"),
        ("9999", "invalid"),
        ("0001-01-01T00:00:00+14:00", "invalid"),
        ("٢٠١٩", "invalid"),
        ("yesterday", "invalid"),
        ("", "invalid"),
        (2019, "invalid"),
        (["2019"], "invalid"),
    ],
)
def test_what_cannot_be_when_it_happened(
    as_doctor: APIClient, url: str, given: Any, code: str
) -> None:
    answer = as_doctor.post(url, {"kind": "note", "data": NOTE, "occurred_at": given})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["field"] == "occurred_at"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("onset", "2999-01", "date_in_future"),
        ("onset", "1979", "before_birth"),
        ("onset", "2019-05-03T10:00:00Z", "invalid"),
    ],
)
def test_dates_in_the_data_obey_the_same_rules(
    as_doctor: APIClient, url: str, field: str, value: str, code: str
) -> None:
    answer = as_doctor.post(url, {"kind": "symptom", "data": {"text": "Headache", field: value}})
    assert (answer.json()["field"], answer.json()["code"]) == (f"data.{field}", code)


def test_without_a_birth_date_the_last_century_is_early_enough(
    as_doctor: APIClient, url: str, patient: Any
) -> None:
    patient.birth_date = None
    patient.save()
    said = {"kind": "note", "data": NOTE}
    assert as_doctor.post(url, said | {"occurred_at": "1910"}).status_code == 201
    assert as_doctor.post(url, said | {"occurred_at": "1899"}).json()["code"] == "before_birth"


def test_without_a_date_it_happened_when_the_data_say_or_now(write: Callable[..., Any]) -> None:
    said = write("symptom", {"text": "Headache", "onset": "2019-05"})
    assert (said["occurred_at"], said["precision"]) == ("2019-05", "month")
    now = write("note", NOTE)
    assert now["precision"] == "time"
    assert abs(datetime.fromisoformat(now["occurred_at"]) - timezone.now()) < timedelta(minutes=1)
