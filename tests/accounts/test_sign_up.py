"""Students make accounts for themselves and prove their address with a code."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tasks import forget_unverified
from tests.accounts.helpers import AUTH, CODE, PASSWORD, mailed, sign_in, with_token

pytestmark = pytest.mark.django_db
NEW = {
    "email": "New.Student@example.org",
    "password": "a quite different sentence 7",
    "first_name": "Noor",
    "last_name": "Aziz",
}


def sign_up(**given: Any) -> Any:
    return APIClient().post(f"{AUTH}/signup", NEW | given)


def pending(answer: Any) -> list[str]:
    return [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]


def test_a_student_signs_up_and_is_in_once_the_address_is_proven() -> None:
    answer = sign_up(role="admin")
    assert (answer.status_code, pending(answer)) == (401, ["verify_email"])
    phone = with_token(answer)
    assert phone.get(reverse("me")).status_code == 401
    verified = phone.post(f"{AUTH}/email/verify", {"key": mailed(CODE)})
    assert verified.status_code == 200
    me = with_token(verified).get(reverse("me")).json()
    assert (me["email"], me["role"]) == ("new.student@example.org", "student")
    assert me["name"] == "Noor Aziz"
    made = User.objects.get(email="new.student@example.org")
    assert sign_in(made, NEW["password"]).get(reverse("me")).status_code == 200


def test_without_the_code_the_account_can_do_nothing() -> None:
    phone = with_token(sign_up())
    for _ in range(3):
        wrong = phone.post(f"{AUTH}/email/verify", {"key": "WRONG"})
    assert wrong.json()["errors"][0]["code"] == "incorrect_code"
    given_up = phone.post(f"{AUTH}/email/verify", {"key": mailed(CODE)})
    assert given_up.status_code == 409  # guessed too often: this code is void


def test_signing_in_before_the_address_is_proven_asks_for_a_new_code(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": None}
    sign_up()
    answer = APIClient().post(f"{AUTH}/login", {"email": NEW["email"], "password": NEW["password"]})
    assert (answer.status_code, pending(answer)) == (401, ["verify_email"])
    phone = with_token(answer)
    assert phone.post(f"{AUTH}/email/verify", {"key": mailed(CODE)}).status_code == 200


def test_an_address_that_has_an_account_is_told_by_mail_alone(doctor: User) -> None:
    known, unknown = sign_up(email=doctor.email), sign_up()
    assert known.status_code == unknown.status_code
    assert known.json()["data"] == unknown.json()["data"]
    assert [message.to for message in mail.outbox] == [[doctor.email], ["new.student@example.org"]]
    assert "There is one" in str(mail.outbox[0].body)
    doctor.refresh_from_db()
    assert doctor.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "nobody", "invalid"),
        ("email", "", "required"),
        ("email", "x" * 300 + "@example.org", "max_length"),
        ("password", "12345", "password_too_short"),
        ("first_name", "a\nb", "control_characters"),
        ("last_name", "x" * 151, "max_length"),
    ],
)
def test_what_is_wrong_is_said(field: str, value: str, code: str) -> None:
    answer = sign_up(**{field: value})
    assert answer.status_code == 400
    wrong = {error["param"]: error["code"] for error in answer.json()["errors"]}
    assert field in wrong
    assert code in {error["code"] for error in answer.json()["errors"]}
    assert not User.objects.exists()


def test_sign_ups_that_nobody_proved_are_forgotten(doctor: User) -> None:
    sign_up()
    User.objects.update(date_joined=timezone.now() - timedelta(days=2))
    forget_unverified()
    assert list(User.objects.all()) == [doctor]


def test_an_address_that_an_admin_changes_needs_no_code(admin_site: Client) -> None:
    phone = with_token(sign_up())
    phone.post(f"{AUTH}/email/verify", {"key": mailed(CODE)})
    made = User.objects.get(email="new.student@example.org")
    form = {
        "email": "newer@example.org",
        "role": "student",
        "language": "en",
        "is_active": "on",
        "last_login_0": "2026-01-01",
    }
    page = reverse("admin:accounts_user_change", args=[made.pk])
    assert admin_site.post(page, form).status_code == 302
    made.refresh_from_db()
    assert made.email == "newer@example.org"
    assert sign_in(made, NEW["password"]).get(reverse("me")).status_code == 200
    old = {"email": NEW["email"], "password": NEW["password"]}
    assert APIClient().post(f"{AUTH}/login", old).status_code == 400
