"""Writing entries through the API, as the app does."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from patients.models import Patient

Answer = dict[str, Any]

CONDITION = {"code": "C71.1", "clinical_status": "active"}
NOTE = {"text": "Came with headaches."}


@pytest.fixture
def patient(patient: Patient) -> Patient:
    patient.birth_date = date(1980, 2, 29)
    patient.save()
    return patient


@pytest.fixture
def url(patient: Patient) -> str:
    return reverse("patient-history", args=[patient.id])


@pytest.fixture
def write(as_doctor: APIClient, url: str) -> Callable[..., Answer]:
    """Return a function that writes an entry and answers with it."""

    def post(kind: str, data: Answer, **fields: Any) -> Answer:
        answer = as_doctor.post(url, {"kind": kind, "data": data} | fields)
        assert answer.status_code == 201, answer.json()
        return answer.json()

    return post


@pytest.fixture
def note(write: Callable[..., Answer]) -> Answer:
    return write("note", NOTE)


def entry_url(entry: Answer) -> str:
    return reverse("history-entry", args=[entry["id"]])
