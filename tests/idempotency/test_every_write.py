"""Every write of the API documents the key and honours it, also those that are yet to come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import User
from backend.idempotency.schema import WRITES
from backend.idempotency.services import NOT_KEPT


@dataclass(frozen=True)
class Write:
    method: str
    path: str  # with {names}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self) -> str:
        return re.sub(r"\{\w+\}", lambda _: str(uuid4()), self.path)


def writes(resolver: URLResolver, prefix: str = "/") -> Iterator[Write]:
    for entry in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from writes(entry, path)
        elif path.startswith("/api/v1/"):
            for method in sorted(WRITES):
                if has(entry, method):
                    yield Write(method, path)


def has(entry: URLPattern, method: str) -> bool:
    """Whether a route takes a method. All routes of the API are DRF's views or viewsets."""
    view: Any = entry.callback
    actions = getattr(view, "actions", None)
    return method in actions if actions else hasattr(view.cls, method)


ALL = list(writes(get_resolver()))


@cache
def documented() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema["paths"]


def test_there_are_writes() -> None:
    assert {"post", "patch"} <= {write.method for write in ALL}


@pytest.mark.parametrize("write", ALL, ids=str)
def test_it_documents_the_key(write: Write) -> None:
    operation = documented()[write.path][write.method]
    named = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert ("Idempotency-Key" in named) == bool(operation.get("security"))


@pytest.mark.parametrize("write", ALL, ids=str)
def test_it_honours_the_key(write: Write, api: Any, admin: User) -> None:
    client: APIClient = api(admin)
    client.raise_request_exception = False
    address, key = write.address(), str(uuid4())

    def ask(body: object) -> Any:
        call = getattr(client, write.method)
        return call(address, body, format="json", headers={"Idempotency-Key": key, "If-Match": "*"})

    first, again, other = ask({}), ask({}), ask({"other": "body"})
    if first.status_code in NOT_KEPT:
        assert "Idempotent-Replayed" not in again
        return
    assert first.status_code < 500
    assert "Idempotent-Replayed" not in first
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
