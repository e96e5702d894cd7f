"""Whatever is sent to allauth's endpoints: an answer that says what is wrong, and no 500."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts.models import User
from tests.accounts.helpers import ACCOUNT, AUTH, sign_in, token_of

pytestmark = pytest.mark.django_db

NASTY: list[Any] = [
    "",
    "\0",
    "a\r\nBcc: b@example.org",
    "\ud800",
    "x" * 5000,
    None,
    True,
    1e308,
    [],
    ["\0"],
    {},
]
FIELDS = (
    "email",
    "password",
    "current_password",
    "new_password",
    "key",
    "code",
    "credential",
    "first_name",
    "last_name",
    "sessions",
    "authenticators",
    "name",
    "id",
)
VALID = {
    "email": "someone@example.org",
    "password": "a quite different sentence 7",
    "current_password": "correct horse battery staple",
    "new_password": "a quite different sentence 8",
}


def operations() -> Iterator[tuple[str, str]]:
    """All that allauth lets an app do, as method and path."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
        for entry in resolver.url_patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry, path)
            else:
                view: Any = entry.callback
                methods = ("post", "put", "patch", "delete")
                yield from (
                    (method, path) for method in methods if hasattr(view.view_class, method)
                )

    top = next(e for e in get_resolver().url_patterns if str(e.pattern) == "_allauth/")
    assert isinstance(top, URLResolver)
    yield from walk(top, "/_allauth/")


@pytest.fixture
def clients(doctor: User, settings: Any) -> list[Client]:
    """Somebody signed in, and nobody."""
    settings.ACCOUNT_RATE_LIMITS = False
    token = token_of(sign_in(doctor))
    return [
        Client(headers=headers, raise_request_exception=False)
        for headers in ({"X-Session-Token": token}, {})
    ]


@pytest.mark.parametrize(("method", "path"), list(operations()))
def test_values_that_make_no_sense_are_no_failure(
    method: str, path: str, clients: list[Client]
) -> None:
    for value in NASTY:
        everything = dict.fromkeys(FIELDS, value)
        for body in (everything, everything | VALID):
            for client in clients:
                answer = getattr(client, method)(path, body, content_type="application/json")
                assert answer.status_code < 500, body


@pytest.mark.parametrize(
    ("path", "field"),
    [(f"{AUTH}/sessions", "sessions"), (f"{ACCOUNT}/authenticators/webauthn", "authenticators")],
)
def test_an_id_that_no_column_holds_is_no_failure(
    path: str, field: str, clients: list[Client]
) -> None:
    answer = clients[0].delete(path, {field: [10**30]}, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", [f"{AUTH}/login", f"{ACCOUNT}/authenticators/webauthn"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_json_is_no_failure(path: str, body: bytes, clients: list[Client]) -> None:
    for client in clients:
        assert 400 <= client.post(path, body, content_type="application/json").status_code < 500
