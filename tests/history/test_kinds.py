"""What each kind of entry may say, and what it is called."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from patients.models import HistoryEntry

SAID = [
    (
        "condition",
        {"code": "c71.1", "clinical_status": "active", "verification": "confirmed"},
        "C71.1 Malignant neoplasm: frontal lobe",
    ),
    (
        "condition",
        {"text": "Hypertonus", "onset": "2019-05", "clinical_status": "resolved"},
        "Hypertonus",
    ),
    (
        "allergy",
        {"substance": "Gadobutrol", "reaction": "urticaria", "criticality": "high"},
        "Allergy: Gadobutrol, urticaria",
    ),
    (
        "medication",
        {
            "name": "Dexamethasone",
            "dose": "4 mg twice a day",
            "route": "oral",
            "start": "2026-10",
            "end": "2026-11-02",
            "status": "stopped",
        },
        "Dexamethasone, 4 mg twice a day, oral (stopped)",
    ),
    (
        "procedure",
        {"text": "Craniotomy, left frontal", "code": "5-015.1", "extent_of_resection": "subtotal"},
        "5-015.1 Craniotomy, left frontal, subtotal resection",
    ),
    (
        "family_history",
        {"relation": "mother", "condition": "Meningioma"},
        "Mother: Meningioma",
    ),
    (
        "symptom",
        {"text": "Headache", "onset": "2026", "severity": "moderate"},
        "Headache, moderate",
    ),
    ("note", {"text": "Seen today.\nFeels better."}, "Seen today."),
    (
        "vitals",
        {"systolic_mmhg": 130, "diastolic_mmhg": 85, "temperature_c": 36.6, "karnofsky": 80},
        "BP 130/85 mmHg, 36.6 °C, Karnofsky 80",
    ),
    (
        "laboratory",
        {"name": "Sodium", "value": 128, "unit": "mmol/l", "reference_low": 135},
        "Sodium 128 mmol/l (low)",
    ),
    ("laboratory", {"name": "HIV", "value_text": "negative"}, "HIV negative"),
    (
        "pathology",
        {
            "diagnosis": "Oligodendroglioma",
            "who_grade": 2,
            "idh": "mutant",
            "codeletion_1p19q": "codeleted",
            "mgmt": "methylated",
            "specimen_date": "2026-11-02",
        },
        "Oligodendroglioma, WHO grade 2, IDH-mutant, 1p/19q codeleted, MGMT methylated",
    ),
]


@pytest.mark.parametrize(("kind", "data", "title"), SAID)
def test_each_kind_is_kept_as_it_was_said_and_gets_its_title(
    write: Callable[..., Any], kind: str, data: dict[str, Any], title: str
) -> None:
    entry = write(kind, data)
    assert (entry["kind"], entry["title"]) == (kind, title)
    kept = {name: value for name, value in entry["data"].items() if name != "code_unknown"}
    assert kept == data | ({"code": "C71.1"} if data.get("code") == "c71.1" else {})


@pytest.mark.parametrize(
    ("kind", "data", "field", "code"),
    [
        ("condition", {"clinical_status": "active"}, "text", "required"),
        ("condition", {"code": "C99.7", "clinical_status": "active"}, "text", "required"),
        ("condition", {"code": "C7", "clinical_status": "active"}, "code", "invalid_code"),
        ("condition", {"code": "C71.", "clinical_status": "active"}, "code", "invalid_code"),
        ("condition", {"code": "71.1C", "clinical_status": "active"}, "code", "invalid_code"),
        (
            "condition",
            {"code": "C71.1", "clinical_status": "x"},
            "clinical_status",
            "invalid_choice",
        ),
        ("condition", {"code": "C71.1"}, "clinical_status", "required"),
        ("allergy", {"substance": " "}, "substance", "blank"),
        ("allergy", {"substance": "a\u202eb"}, "substance", "bidi_characters_not_allowed"),
        ("allergy", {"substance": "a", "colour": "red"}, "colour", "unknown_field"),
        ("allergy", {"substance": "a", "colour": None}, "colour", "unknown_field"),
        (
            "medication",
            {"name": "x", "status": "active", "start": "2020-05", "end": "2020-04-30"},
            "end",
            "end_before_start",
        ),
        ("note", {"text": "a\x07"}, "text", "control_characters_not_allowed"),
        ("vitals", {}, None, "required"),
        ("vitals", {"comment": "tired"}, None, "required"),
        ("vitals", {"systolic_mmhg": 120}, "diastolic_mmhg", "required"),
        ("vitals", {"systolic_mmhg": 80, "diastolic_mmhg": 120}, "diastolic_mmhg", "max_value"),
        ("vitals", {"temperature_c": 98.6}, "temperature_c", "max_value"),
        ("vitals", {"weight_kg": "70"}, "weight_kg", "invalid"),
        ("vitals", {"karnofsky": 75}, "karnofsky", "step"),
        ("vitals", {"karnofsky": 110}, "karnofsky", "max_value"),
        ("vitals", {"ecog": 6}, "ecog", "max_value"),
        ("vitals", {"spo2_percent": True}, "spo2_percent", "invalid"),
        ("laboratory", {"name": "Na"}, "value", "required"),
        ("laboratory", {"name": "Na", "value": 1, "value_text": "one"}, "value", "required"),
        ("laboratory", {"name": "Na", "value": 10**400}, "value", "overflow"),
        (
            "laboratory",
            {"name": "Na", "value": 1, "reference_low": 3, "reference_high": 2},
            "reference_high",
            "min_value",
        ),
        ("pathology", {"diagnosis": "Glioma", "who_grade": 5}, "who_grade", "max_value"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    as_doctor: APIClient,
    url: str,
    kind: str,
    data: dict[str, Any],
    field: str | None,
    code: str,
) -> None:
    answer = as_doctor.post(url, {"kind": kind, "data": data})
    assert answer.status_code == 400
    named = f"data.{field}" if field else "data"
    assert (answer.json()["field"], answer.json()["code"]) == (named, code)
    assert not HistoryEntry.objects.exists()


@pytest.mark.parametrize("kind", ["reading", "opinion", "attachment", "scan", "", None, 7])
def test_what_people_do_not_write_is_no_kind(as_doctor: APIClient, url: str, kind: Any) -> None:
    answer = as_doctor.post(url, {"kind": kind, "data": {}})
    assert (answer.status_code, answer.json()["field"]) == (400, "kind")


def test_an_unknown_field_beside_the_data_is_refused_too(as_doctor: APIClient, url: str) -> None:
    answer = as_doctor.post(url, {"kind": "note", "data": {"text": "x"}, "colour": "red"})
    assert (answer.json()["field"], answer.json()["code"]) == ("colour", "unknown_field")


def test_a_code_that_is_not_in_the_list_is_taken_with_a_text_and_a_warning(
    write: Callable[..., Any],
) -> None:
    known = write("condition", {"code": "C71.1", "clinical_status": "active"})
    own = write("condition", {"code": "Z99.9", "text": "Ventilated", "clinical_status": "active"})
    assert known["data"]["code_unknown"] is False
    assert own["data"]["code_unknown"] is True
    assert own["title"] == "Z99.9 Ventilated"


def test_markup_stays_the_text_that_it_is(write: Callable[..., Any]) -> None:
    text = "<script>alert('x')</script>\n\tساءت الحالة 🙂"
    assert write("note", {"text": text})["data"]["text"] == text
