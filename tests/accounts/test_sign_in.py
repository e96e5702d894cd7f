"""Signing in from the app, as a phone does it: through allauth's headless API."""

import re
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User

AUTH = "/_allauth/app/v1/auth"
PASSWORD = "correct horse battery staple"

pytestmark = pytest.mark.django_db


def sign_in(user: User, password: str = PASSWORD) -> APIClient:
    """Return a client that carries the session token of a fresh sign-in."""
    answer = APIClient().post(f"{AUTH}/login", {"email": user.email, "password": password})
    assert answer.status_code == 200, answer.content
    return APIClient(headers={"X-Session-Token": answer.json()["meta"]["session_token"]})


def test_a_session_token_opens_the_api(doctor: User) -> None:
    me = sign_in(doctor).get(reverse("me"))
    assert me.json() == {
        "id": str(doctor.id),
        "email": doctor.email,
        "name": doctor.get_full_name(),
        "role": "doctor",
    }


def test_email_is_not_case_sensitive(doctor: User) -> None:
    doctor.email = doctor.email.upper()
    assert sign_in(doctor).get(reverse("me")).status_code == 200


def test_a_wrong_password_is_refused(doctor: User) -> None:
    answer = APIClient().post(f"{AUTH}/login", {"email": doctor.email, "password": "wrong"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "email_password_mismatch"


def test_an_invented_token_is_refused() -> None:
    answer = APIClient(headers={"X-Session-Token": "invented"}).get(reverse("me"))
    assert answer.status_code == 401


def test_signing_out_ends_the_token(doctor: User) -> None:
    phone = sign_in(doctor)
    assert phone.delete(f"{AUTH}/session").status_code == 401
    assert phone.get(reverse("me")).status_code == 401


def test_a_deactivated_user_is_out_at_once(doctor: User) -> None:
    phone = sign_in(doctor)
    doctor.is_active = False
    doctor.save()
    assert phone.get(reverse("me")).status_code == 401


def test_sessions_are_listed_and_others_ended(doctor: User) -> None:
    phone, tablet = sign_in(doctor), sign_in(doctor)
    sessions = phone.get(f"{AUTH}/sessions").json()["data"]
    assert [s["is_current"] for s in sessions].count(True) == 1
    assert len(sessions) == 2

    others = [s["id"] for s in sessions if not s["is_current"]]
    assert phone.delete(f"{AUTH}/sessions", {"sessions": others}).status_code == 200
    assert tablet.get(reverse("me")).status_code == 401
    assert phone.get(reverse("me")).status_code == 200


def test_sessions_of_others_cannot_be_ended(doctor: User, other_doctor: User) -> None:
    phone, stranger = sign_in(doctor), sign_in(other_doctor)
    theirs = stranger.get(f"{AUTH}/sessions").json()["data"][0]["id"]
    phone.delete(f"{AUTH}/sessions", {"sessions": [theirs]})
    assert stranger.get(reverse("me")).status_code == 200


def test_a_forgotten_password_is_reset_by_a_mailed_code(doctor: User) -> None:
    phone = APIClient()
    asked = phone.post(f"{AUTH}/password/request", {"email": doctor.email})
    assert asked.status_code == 401  # the flow is pending, as the headless API says it
    code = re.search(r"^[A-Z0-9]{3,}(-[A-Z0-9]{3,})?$", str(mail.outbox[0].body), re.MULTILINE)
    assert code is not None

    phone.credentials(HTTP_X_SESSION_TOKEN=asked.json()["meta"]["session_token"])
    new = "a quite different sentence 7"
    phone.post(f"{AUTH}/password/reset", {"key": code.group(), "password": new})
    assert sign_in(doctor, new).get(reverse("me")).status_code == 200


def test_an_unknown_address_gets_the_same_answer_as_a_known_one(doctor: User) -> None:
    known = APIClient().post(f"{AUTH}/password/request", {"email": doctor.email})
    unknown = APIClient().post(f"{AUTH}/password/request", {"email": "nobody@example.org"})
    assert known.status_code == unknown.status_code
    assert known.json()["data"] == unknown.json()["data"]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_nobody_changes_the_address_they_sign_in_with(doctor: User, method: str) -> None:
    change = getattr(sign_in(doctor), method)
    answer = change("/_allauth/app/v1/account/email", {"email": "new@example.org", "primary": True})
    assert answer.status_code == 404
    assert sign_in(doctor).get(reverse("me")).json()["email"] == doctor.email
    assert mail.outbox == []


def test_sign_up_can_be_closed(settings: Any) -> None:
    settings.SIGN_UP_OPEN = False
    answer = APIClient().post(
        f"{AUTH}/signup", {"email": "new@example.org", "password": "a long enough sentence"}
    )
    assert answer.status_code == 403
    assert not User.objects.filter(email="new@example.org").exists()
