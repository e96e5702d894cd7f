"""What stands before Django: bodies that are too long, and bodies that end too early."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from backend.asgi import FRAME_BYTES, BodyLimit, KeepWhatArrived
from tests.uploads.client import PART


def scope(method: str, content_type: str, length: int) -> dict[str, Any]:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(length).encode()),
    ]
    return {"type": "http", "method": method, "headers": headers}


def arriving(*messages: dict[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


@pytest.mark.parametrize(
    ("method", "content_type", "field", "what"),
    [
        ("PATCH", PART, None, "body"),
        ("PATCH", "application/json", None, "body"),
        ("POST", "multipart/form-data; boundary=x", "file", "file"),
    ],
)
def test_a_body_over_the_limit_is_called_what_it_is(
    method: str, content_type: str, field: str | None, what: str
) -> None:
    answers: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(message)

    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    limit = 2 * FRAME_BYTES
    whole = {"type": "http.request", "body": b"", "more_body": False}
    app = BodyLimit(never, limit)
    asyncio.run(app(scope(method, content_type, limit + 1), arriving(whole), send))
    assert answers[0]["status"] == 413
    assert json.loads(answers[1]["body"]) == {
        "code": "file_too_large",
        "message": f"The {what} is larger than 1 MB.",
        "field": field,
    }


async def read_all(receive: Any) -> tuple[bytes, str]:
    """Return the body that an application gets to see, and how it ended."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body, "broken"
        body += message["body"]
        if not message["more_body"]:
            return body, "whole"


@pytest.mark.parametrize(
    ("content_type", "seen"),
    [(PART, (b"what came", "whole")), ("application/json", (b"what came", "broken"))],
)
def test_a_part_that_breaks_off_ends_there_and_nothing_else_does(
    content_type: str, seen: tuple[bytes, str]
) -> None:
    found: list[tuple[bytes, str]] = []
    left_in_peace: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(await read_all(receive))
        if found[0][1] == "whole":
            listening = asyncio.create_task(receive())
            await asyncio.sleep(0)
            left_in_peace.append(not listening.done())
            listening.cancel()

    broken = arriving(
        {"type": "http.request", "body": b"what ", "more_body": True},
        {"type": "http.request", "body": b"came", "more_body": True},
        {"type": "http.disconnect"},
    )
    asyncio.run(KeepWhatArrived(application)(scope("PATCH", content_type, 100), broken, None))  # type: ignore[arg-type]
    assert found == [seen]
    assert left_in_peace in ([True], [])


def test_who_goes_after_the_whole_part_is_gone() -> None:
    heard: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert await read_all(receive) == (b"all", "whole")
        heard.append((await receive())["type"])

    messages = arriving(
        {"type": "http.request", "body": b"all", "more_body": False}, {"type": "http.disconnect"}
    )
    asyncio.run(KeepWhatArrived(application)(scope("PATCH", PART, 3), messages, None))  # type: ignore[arg-type]
    assert heard == ["http.disconnect"]
