"""Passkeys through allauth's headless API, with a passkey in software."""

from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from tests.accounts.authenticator import Passkey
from tests.accounts.helpers import (
    ACCOUNT,
    AUTH,
    PASSWORD,
    sign_in,
    start_sign_in,
    with_token,
)

pytestmark = pytest.mark.django_db


def add_passkey(phone: APIClient) -> Passkey:
    passkey = Passkey()
    assert phone.post(f"{AUTH}/reauthenticate", {"password": PASSWORD}).status_code == 200
    asked = phone.get(f"{ACCOUNT}/authenticators/webauthn?passwordless")
    credential = passkey.create(asked.json()["data"]["creation_options"])
    body = {"name": "Phone", "credential": credential, "passwordless": True}
    done = phone.post(f"{ACCOUNT}/authenticators/webauthn", body)
    assert done.status_code == 200, done.content
    assert done.json()["meta"]["recovery_codes_generated"]
    return passkey


def test_a_passkey_is_a_second_factor(doctor: User, settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = ["doctor"]
    passkey = add_passkey(sign_in(doctor))
    phone = start_sign_in(doctor)
    options = phone.get(f"{AUTH}/webauthn/authenticate").json()["data"]["request_options"]
    answer = phone.post(f"{AUTH}/webauthn/authenticate", {"credential": passkey.get(options)})
    assert answer.status_code == 200, answer.content
    assert with_token(answer).get(reverse("patients")).status_code == 200


def test_a_passkey_alone_signs_in(doctor: User, settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = ["doctor"]
    passkey = add_passkey(sign_in(doctor))
    asked = APIClient().get(f"{AUTH}/webauthn/login")
    options = asked.json()["data"]["request_options"]
    answer = with_token(asked).post(f"{AUTH}/webauthn/login", {"credential": passkey.get(options)})
    assert answer.status_code == 200, answer.content
    assert with_token(answer).get(reverse("me")).json()["email"] == doctor.email
    assert with_token(answer).get(reverse("patients")).status_code == 200


def test_another_passkey_does_not(doctor: User) -> None:
    add_passkey(sign_in(doctor))
    stranger = Passkey()
    phone = start_sign_in(doctor)
    options = phone.get(f"{AUTH}/webauthn/authenticate").json()["data"]["request_options"]
    answer = phone.post(f"{AUTH}/webauthn/authenticate", {"credential": stranger.get(options)})
    assert answer.status_code == 400
    assert phone.get(reverse("me")).status_code == 401


def test_an_answer_to_an_earlier_challenge_does_not(doctor: User) -> None:
    passkey = add_passkey(sign_in(doctor))
    phone = start_sign_in(doctor)
    page = f"{AUTH}/webauthn/authenticate"
    earlier = passkey.get(phone.get(page).json()["data"]["request_options"])
    phone.get(page)
    assert phone.post(page, {"credential": earlier}).status_code == 400


def test_a_deactivated_user_is_not_let_in_by_a_passkey(doctor: User) -> None:
    passkey = add_passkey(sign_in(doctor))
    doctor.is_active = False
    doctor.save()
    asked = APIClient().get(f"{AUTH}/webauthn/login")
    options = asked.json()["data"]["request_options"]
    answer = with_token(asked).post(f"{AUTH}/webauthn/login", {"credential": passkey.get(options)})
    assert answer.status_code == 401
    assert not answer.json()["meta"]["is_authenticated"]


@pytest.mark.parametrize(
    "credential",
    [None, "", "x", 1, [], {}, {"id": 1}, {"id": "x", "response": {}}],
)
def test_what_is_no_credential_is_refused(doctor: User, credential: Any) -> None:
    phone = sign_in(doctor)
    add_passkey(phone)
    phone.get(f"{ACCOUNT}/authenticators/webauthn")
    body = {"name": "x", "credential": credential}
    assert phone.post(f"{ACCOUNT}/authenticators/webauthn", body).status_code == 400
    asked = APIClient().get(f"{AUTH}/webauthn/login")
    phone = with_token(asked)
    assert phone.post(f"{AUTH}/webauthn/login", {"credential": credential}).status_code == 400
