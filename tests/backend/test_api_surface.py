"""What holds for the whole API: its schema, its errors, its limits, its health."""

import asyncio
import json
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backend.asgi import BodyLimit
from backend.celery import app as celery_app


def test_the_schema_is_valid_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


@pytest.mark.django_db
def test_schema_and_docs_open_in_a_browser(client: Client) -> None:
    assert client.get(reverse("schema")).status_code == 200
    docs = client.get(reverse("docs")).content.decode()
    assert "swagger-ui" in docs
    assert "cdn" not in docs  # they work without the internet
    assert client.get("/", follow=True).redirect_chain == [(reverse("docs"), 302)]


@pytest.mark.django_db
def test_an_unknown_address_answers_in_the_same_shape(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "field"}


@pytest.mark.django_db
def test_live_and_ready(client: Client) -> None:
    assert client.get(reverse("live")).json() == {"status": "ok"}
    answer = client.get(reverse("ready"))
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "broker": "ok", "storage": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["database", "broker", "storage"])
def test_not_ready_without_each_part(client: Client, part: str) -> None:
    with patch(f"backend.health.{part}", side_effect=ConnectionError):
        answer = client.get(reverse("ready"))
    assert answer.status_code == 503
    assert answer.json()["checks"][part] == "failed"
    assert client.get(reverse("live")).status_code == 200


@pytest.mark.django_db
def test_a_file_broker_that_cannot_be_written_is_not_ready(client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    broken = {"folder": str(tmp_path / "file")}
    with (
        celery_app.connection("files://localhost", transport_options=broken) as broker,
        patch("backend.health.current_app.connection_for_write", return_value=broker),
    ):
        assert client.get(reverse("ready")).json()["checks"]["broker"] == "failed"


@pytest.mark.django_db
def test_storage_that_cannot_be_written_is_not_ready(client: Client, settings: Any) -> None:
    settings.MEDIA_ROOT.parent.joinpath("file").write_text("in the way")
    settings.MEDIA_ROOT = settings.MEDIA_ROOT.parent / "file"
    assert client.get(reverse("ready")).json()["checks"]["storage"] == "failed"


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused_before_the_application_has_it(announced: bool) -> None:
    sent = [b"x" * 600_000] * 10
    chunks = [{"type": "http.request", "body": part, "more_body": True} for part in sent]
    chunks.append({"type": "http.request", "body": b"", "more_body": False})
    read: list[int] = []
    answers: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            read.append(len(message["body"]))

    async def receive() -> Any:
        return chunks.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [(b"content-length", b"6000000")] if announced else []
    scope = {"type": "http", "headers": headers}
    asyncio.run(BodyLimit(application, 2_000_000)(scope, receive, send))
    assert sum(read) <= 2_000_000
    assert not chunks  # the client could send everything: only then do most look for an answer
    assert answers[0]["status"] == 413
    assert json.loads(answers[1]["body"])["code"] == "file_too_large"
