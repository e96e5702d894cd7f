"""How often somebody may ask, and how often guess."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from redis.exceptions import RedisError
from rest_framework.test import APIClient

from accounts.api.throttling import PerUser
from accounts.models import User
from tests.accounts.helpers import AUTH, PASSWORD, sign_in

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]


@pytest.fixture(autouse=True)
def _one_minute() -> Any:
    """Let these tests not run across the end of a window."""
    with patch.object(PerUser.__mro__[1], "timer", staticmethod(lambda: 1_700_000_010.5)):
        yield


def statuses(times: int, ask: Callable[[], Any]) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_a_user_who_asks_too_often_is_told_when_to_ask_again(
    settings: Any, api: Api, doctor: User, other_doctor: User
) -> None:
    settings.RATE_PER_USER = "3/min"
    phone, tablet = api(doctor), api(doctor)
    assert statuses(3, lambda: phone.get(reverse("me"))) == [200] * 3
    refused = tablet.get(reverse("me"))
    assert refused.status_code == 429
    assert refused.json()["code"] == "throttled"
    assert set(refused.json()) == {"code", "message", "field"}
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert api(other_doctor).get(reverse("me")).status_code == 200


def test_an_address_that_asks_too_often_is_told_before_anybody_looks_who_it_is(
    settings: Any,
) -> None:
    settings.RATE_PER_ADDRESS = "3/min"
    nobody = APIClient(headers={"X-Session-Token": "invented"})
    assert statuses(4, lambda: nobody.get(reverse("me"))) == [401, 401, 401, 429]
    refused = nobody.post(f"{AUTH}/login", {"email": "a@example.org", "password": "x"})
    assert refused.status_code == 429
    assert refused.json()["code"] == "throttled"
    assert int(refused["Retry-After"]) >= 1
    assert nobody.get(reverse("me"), REMOTE_ADDR="203.0.113.9").status_code == 401
    assert nobody.get(reverse("live")).status_code == 200


def test_an_invented_forwarding_header_is_no_way_around(settings: Any) -> None:
    settings.RATE_PER_ADDRESS = "3/min"
    seen = [
        Client().get(reverse("me"), headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
        for n in range(4)
    ]
    assert seen == [401, 401, 401, 429]


def test_behind_a_proxy_clients_are_told_apart(settings: Any) -> None:
    settings.RATE_PER_ADDRESS, settings.TRUSTED_PROXY_COUNT = "1/min", 1
    seen = [
        Client().get(reverse("me"), headers={"X-Forwarded-For": f"6.6.6.6, {address}"}).status_code
        for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
    ]
    assert seen == [401, 401, 429]


def test_no_limit_is_no_limit(settings: Any, api: Api, doctor: User) -> None:
    settings.RATE_PER_USER = settings.RATE_PER_ADDRESS = ""
    assert set(statuses(5, lambda: api(doctor).get(reverse("me")))) == {200}


def test_a_cache_that_is_down_stops_nobody(settings: Any, api: Api, doctor: User) -> None:
    settings.RATE_PER_USER = "1/min"
    with patch.object(type(caches["default"]), "add", side_effect=RedisError):
        assert set(statuses(3, lambda: api(doctor).get(reverse("me")))) == {200}


def test_strangers_change_little_at_a_time(settings: Any) -> None:
    settings.RATE_PUBLIC_PER_ADDRESS = "2/hour"
    body = {"key": "x", "password": "x"}
    accept = reverse("invitation-accept")
    assert statuses(3, lambda: APIClient().post(accept, body)) == [400, 400, 429]
    assert APIClient().post(reverse("applications"), {}).status_code == 429


def test_strangers_cannot_have_an_address_flooded_with_mail(settings: Any) -> None:
    settings.RATE_MAIL_PER_ADDRESSEE = "2/hour"
    apply = reverse("applications")
    body = {"email": "Victim@example.org"}
    assert statuses(2, lambda: APIClient().post(apply, body)) == [400, 400]
    body = {"email": "victim@example.org "}
    assert APIClient().post(apply, body, REMOTE_ADDR="203.0.113.9").status_code == 429
    assert APIClient().post(apply, {"email": "other@example.org"}).status_code == 400


# --- Wrong passwords --------------------------------------------------------------------


def guess(user: User, password: str = "wrong", **where: Any) -> str:  # noqa: S107
    """Return the code of what a sign-in answers, or nothing where it succeeds."""
    body = {"email": user.email, "password": password}
    answer = APIClient().post(f"{AUTH}/login", body, **where)
    return "" if answer.status_code == 200 else str(answer.json()["errors"][0]["code"])


def test_an_account_is_locked_wherever_the_guesses_come_from(
    doctor: User, other_doctor: User
) -> None:
    for n in range(5):
        assert guess(doctor, REMOTE_ADDR=f"203.0.113.{n}") == "email_password_mismatch"
    assert guess(doctor, PASSWORD, REMOTE_ADDR="203.0.113.77") == "too_many_login_attempts"
    assert guess(other_doctor, PASSWORD) == ""


def test_another_name_of_the_server_is_no_fresh_start(doctor: User) -> None:
    for n in range(5):
        guess(doctor, HTTP_HOST=f"testserver:{8000 + n}", REMOTE_ADDR=f"203.0.113.{n}")
    assert guess(doctor, PASSWORD, HTTP_HOST="testserver:1") == "too_many_login_attempts"


def test_an_address_is_locked_whomever_it_guesses(doctor: User) -> None:
    for n in range(10):
        body = {"email": f"somebody{n}@example.org", "password": "wrong"}
        APIClient().post(f"{AUTH}/login", body)
    assert guess(doctor, PASSWORD) == "too_many_login_attempts"
    assert guess(doctor, PASSWORD, REMOTE_ADDR="203.0.113.9") == ""


def test_a_lock_says_nothing_about_whether_there_is_an_account(doctor: User) -> None:
    nobody = User(email="nobody@example.org")
    codes = [
        [guess(user, REMOTE_ADDR=f"203.0.113.{user is doctor:d}") for _ in range(6)]
        for user in (doctor, nobody)
    ]
    assert codes[0] == codes[1]
    assert codes[0][-1] == "too_many_login_attempts"


def test_right_passwords_are_not_counted(doctor: User) -> None:
    for _ in range(7):
        sign_in(doctor)
