"""A file in which every kind of thing is, and clients who speak FHIR."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis
from patients.models import Patient
from patients.services import create_patient
from tests.fhir.make import BASE, File, fill

Body = dict[str, Any]


class Fhir:
    """Somebody who speaks FHIR."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200, **headers: str) -> Body:
        answer = self.raw(path, **headers)
        assert answer.status_code == status, answer.content
        assert answer["Content-Type"].startswith("application/fhir+json"), answer["Content-Type"]
        return answer.json()

    def raw(self, path: str, **headers: str) -> Any:
        url = path if path.startswith("http") else f"{BASE}/{path}"
        return self.client.get(url, headers=headers)

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        return getattr(self.client, method)(
            f"{BASE}/{path}",
            data=body if isinstance(body, str | bytes) else json.dumps(body),
            content_type="application/fhir+json",
            headers=headers,
        )


@pytest.fixture
def fhir(api: Callable[[User | None], APIClient], doctor: User) -> Fhir:
    return Fhir(api(doctor))


@pytest.fixture
def as_user(api: Callable[[User | None], APIClient]) -> Callable[[User | None], Fhir]:
    return lambda user: Fhir(api(user))


@pytest.fixture
def file(done: Analysis, doctor: User) -> File:
    """The patient of `done` with a file in which every kind of thing is."""
    return fill(done, doctor)


@pytest.fixture
def stranger(other_doctor: User) -> Patient:
    return create_patient(user=other_doctor, family_name="Nasser")


@pytest.fixture
def plain() -> Client:
    return Client(raise_request_exception=False)
