"""Whatever is sent to any operation: no 500, and every answer is what the schema says."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import RequestFactory
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from inference.models import Analysis

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STREAMS = "/events$"  # never end; tests/jobs has them

schema = schemathesis.openapi.from_wsgi(
    "/api/v1/schema?format=json", get_wsgi_application()
).exclude(path_regex=STREAMS)


@schemathesis.serializer("application/offset+octet-stream")
def part_of_an_upload(context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """A real request closes its connection, and with it the transaction that a test runs in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token(doctor: User) -> str:
    """A session of the doctor, as the app has one."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    login(request, doctor, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    return str(request.session.session_key)


@schema.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    # The tests' fixtures are made once for all examples: later ones find what earlier ones did.
    suppress_health_check=list(HealthCheck),
)
def test_any_request(case: Case, token: str, done: Analysis) -> None:
    there = {
        "patient_id": str(done.scan.patient_id),
        "scan_id": str(done.scan_id),
        "analysis_id": str(done.id),
    }
    given = case.path_parameters or {}
    case.path_parameters = {name: there.get(name, value) for name, value in given.items()}
    case.call_and_validate(checks=CHECKS, headers={"X-Session-Token": token})
