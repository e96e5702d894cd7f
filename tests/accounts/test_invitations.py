"""An admin invites, the reader of the mail makes the account."""

from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Invitation, User
from tests.accounts.helpers import AUTH, KEY, mailed, post_anonymously, sign_in

pytestmark = pytest.mark.django_db
PASSWORD = "a quite different sentence 7"
NAMES = {"first_name": "لينا", "last_name": "Saad"}


@pytest.fixture
def as_admin(api: Any, admin: User) -> APIClient:
    return api(admin)


def invite(as_admin: APIClient, **given: Any) -> Any:
    body = {"email": "Lina@example.org", "role": "doctor"} | given
    return as_admin.post(reverse("invitations"), body)


def accept(**given: Any) -> Any:
    body = {"key": "", "password": PASSWORD, **NAMES} | given
    return post_anonymously(reverse("invitation-accept"), body)


def test_whoever_reads_the_mail_makes_the_account(as_admin: APIClient) -> None:
    made = invite(as_admin)
    assert made.status_code == 201
    assert made.json()["status"] == "open"
    assert mail.outbox[0].to == ["lina@example.org"]
    answer = accept(key=mailed(KEY))
    assert answer.status_code == 201, answer.content
    assert (answer.json()["email"], answer.json()["role"]) == ("lina@example.org", "doctor")
    user = User.objects.get(email="lina@example.org")
    assert sign_in(user, PASSWORD).get(reverse("me")).json()["name"] == "لينا Saad"
    (listed,) = as_admin.get(reverse("invitations")).json()["results"]
    assert listed["status"] == "accepted"


def test_role_and_address_cannot_be_chosen_by_who_accepts(as_admin: APIClient) -> None:
    invite(as_admin)
    for more in ({"role": "admin"}, {"email": "other@example.org"}):
        assert accept(key=mailed(KEY), **more).json()["code"] == "unknown_field"
    assert not User.objects.filter(email="lina@example.org").exists()


def test_a_key_works_once(as_admin: APIClient) -> None:
    invite(as_admin)
    accept(key=mailed(KEY))
    again = accept(key=mailed(KEY), password="yet another sentence 8")
    assert (again.status_code, again.json()["code"]) == (400, "invitation_used")
    assert User.objects.get(email="lina@example.org").check_password(PASSWORD)


def test_a_key_expires(as_admin: APIClient) -> None:
    invite(as_admin)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accept(key=mailed(KEY)).json()["code"] == "invitation_expired"


def test_a_key_that_is_kept_nowhere_cannot_be_read_from_the_database(as_admin: APIClient) -> None:
    invite(as_admin)
    assert mailed(KEY) not in str(Invitation.objects.values().get())
    assert mailed(KEY) not in as_admin.get(reverse("invitations")).content.decode()


def test_an_invitation_is_taken_back(as_admin: APIClient) -> None:
    page = reverse("invitation", args=[invite(as_admin).json()["id"]])
    assert as_admin.delete(page).status_code == as_admin.delete(page).status_code == 204
    assert accept(key=mailed(KEY)).json()["code"] == "invitation_revoked"
    again = reverse("invitation-send", args=[Invitation.objects.get().pk])
    assert as_admin.post(again).json()["code"] == "invitation_revoked"


def test_a_new_key_voids_the_old_one(as_admin: APIClient) -> None:
    made = invite(as_admin).json()
    old = mailed(KEY)
    assert as_admin.post(reverse("invitation-send", args=[made["id"]])).status_code == 200
    assert accept(key=old).json()["code"] == "invitation_unknown"
    assert accept(key=mailed(KEY)).status_code == 201
    used = as_admin.delete(reverse("invitation", args=[made["id"]]))
    assert (used.status_code, used.json()["code"]) == (409, "invitation_used")


def test_a_second_invitation_replaces_the_first(as_admin: APIClient) -> None:
    invite(as_admin)
    first = mailed(KEY)
    invite(as_admin, role="student")
    assert accept(key=first).json()["code"] == "invitation_revoked"
    assert accept(key=mailed(KEY)).json()["role"] == "student"


def test_who_has_an_account_is_not_invited(as_admin: APIClient, doctor: User) -> None:
    answer = invite(as_admin, email=doctor.email.upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "account_exists")
    assert mail.outbox == []


def test_an_address_that_somebody_else_signed_up_with_is_no_obstacle(as_admin: APIClient) -> None:
    stranger = {"email": "lina@example.org", "password": "what a stranger knows 9"}
    APIClient().post(f"{AUTH}/signup", stranger)
    invite(as_admin)
    assert accept(key=mailed(KEY)).status_code == 201
    assert APIClient().post(f"{AUTH}/login", stranger).status_code == 400


def test_a_mail_that_cannot_be_sent_leaves_nothing_behind(as_admin: APIClient) -> None:
    with patch("accounts.mails.send_mail", side_effect=SMTPServerDisconnected):
        answer = invite(as_admin)
    assert (answer.status_code, answer.json()["code"]) == (503, "mail_not_sent")
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"email": "nobody"}, "email", "invalid"),
        ({"email": "a\nb@example.org"}, "email", "invalid"),
        ({"email": "x" * 250 + "@example.org"}, "email", "max_length"),
        ({"email": None}, "email", "null"),
        ({"role": "emperor"}, "role", "invalid_choice"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said(
    as_admin: APIClient, given: dict[str, Any], field: str, code: str
) -> None:
    answer = invite(as_admin, **given)
    assert answer.status_code == 400
    errors = answer.json().get("errors", [answer.json()])
    assert (field, code) in {(error["field"], error["code"]) for error in errors}


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"key": "x" * 32}, "key", "invitation_unknown"),
        ({"key": "x" * 5000}, "key", "max_length"),
        ({"key": ["x"]}, "key", "invalid"),
        ({"key": "\ud800"}, "key", "surrogate_characters_not_allowed"),
        ({"password": "12345"}, "password", "password_too_short"),
        ({"password": "lina@example.org"}, "password", "password_too_similar"),
        ({"password": "x" * 129}, "password", "max_length"),
        ({"first_name": "a\nb"}, "first_name", "control_characters"),
        ({"last_name": ""}, "last_name", "blank"),
    ],
)
def test_what_is_wrong_with_an_acceptance_is_said(
    as_admin: APIClient, given: dict[str, Any], field: str, code: str
) -> None:
    invite(as_admin)
    answer = accept(**{"key": mailed(KEY)} | given)
    assert answer.status_code == 400
    errors = answer.json().get("errors", [answer.json()])
    assert (field, code) in {(error["field"], error["code"]) for error in errors}
    assert not User.objects.filter(email="lina@example.org").exists()


def test_names_are_asked_for(as_admin: APIClient) -> None:
    invite(as_admin)
    body = {"key": mailed(KEY), "password": PASSWORD}
    answer = APIClient().post(reverse("invitation-accept"), body)
    assert {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
        ("first_name", "required"),
        ("last_name", "required"),
    }


def test_an_admin_invites_and_takes_back_in_the_admin_site(
    admin_site: Client, doctor: User
) -> None:
    add = reverse("admin:accounts_invitation_add")
    taken = admin_site.post(add, {"email": doctor.email, "role": "doctor"})
    assert "already an account" in taken.content.decode()
    answer = admin_site.post(add, {"email": "lina@example.org", "role": "admin"})
    assert answer.status_code == 302
    invitation = Invitation.objects.get()
    chosen = {"_selected_action": [str(invitation.pk)]}
    for action in ("send_again", "revoke", "send_again"):
        page = reverse("admin:accounts_invitation_changelist")
        done = admin_site.post(page, chosen | {"action": action}, follow=True)
    assert "was taken back" in done.content.decode()
    assert len(mail.outbox) == 2
    assert accept(key=mailed(KEY)).json()["code"] == "invitation_revoked"
