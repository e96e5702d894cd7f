"""Asking to be let in as a doctor."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import DoctorApplication, User
from accounts.tasks import forget_unverified
from tests.accounts.helpers import AUTH, CODE, KEY, mailed, post_anonymously, sign_in

pytestmark = pytest.mark.django_db
PASSWORD = "a quite different sentence 7"
NEW = {
    "email": "Lina@example.org",
    "first_name": "Lina",
    "last_name": "Saad",
    "licence_number": "MD-4711",
    "licence_body": "Order of Physicians",
    "licence_country": "LB",
}


@pytest.fixture
def as_admin(api: Any, admin: User) -> APIClient:
    return api(admin)


def apply(**given: Any) -> Any:
    return post_anonymously(reverse("applications"), NEW | given)


def verify(application: str, code: str) -> Any:
    return APIClient().post(reverse("application-verify", args=[application]), {"code": code})


def applied(**given: Any) -> str:
    """Apply and prove the address; return the application's id."""
    application: str = apply(**given).json()["id"]
    assert verify(application, mailed(CODE)).status_code == 200
    return application


def test_an_approved_doctor_sets_a_password_and_is_in(as_admin: APIClient) -> None:
    application = applied()
    waiting = as_admin.get(reverse("applications"), {"status": "waiting"}).json()["results"]
    assert [row["licence_number"] for row in waiting] == ["MD-4711"]
    approved = as_admin.post(reverse("application-approve", args=[application]))
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    body = {"key": mailed(KEY), "password": PASSWORD}
    assert APIClient().post(reverse("invitation-accept"), body).status_code == 201
    doctor = User.objects.get(email="lina@example.org")
    me = sign_in(doctor, PASSWORD).get(reverse("me")).json()
    assert (me["name"], me["role"], me["licence_number"]) == ("Lina Saad", "doctor", "MD-4711")
    assert me["licence_approved_at"] is not None


def test_until_then_there_is_no_account_to_do_anything_with() -> None:
    applied()
    assert not User.objects.exists()
    reset = APIClient().post(f"{AUTH}/password/request", {"email": "lina@example.org"})
    assert reset.status_code == 401
    assert len(mail.outbox) == 1  # the application's code, and nothing to reset a password with


def test_a_refused_applicant_reads_why_and_may_apply_again(as_admin: APIClient) -> None:
    application = applied()
    refuse = reverse("application-refuse", args=[application])
    assert as_admin.post(refuse, {"reason": ""}).json()["field"] == "reason"
    refused = as_admin.post(refuse, {"reason": "The licence has expired."})
    assert refused.json()["status"] == "refused"
    assert mail.outbox[-1].to == ["lina@example.org"]
    assert "The licence has expired." in str(mail.outbox[-1].body)
    again = as_admin.post(reverse("application-approve", args=[application]))
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert applied() != application


def test_admins_see_only_proven_addresses(as_admin: APIClient) -> None:
    application = apply().json()["id"]
    assert as_admin.get(reverse("applications")).json()["results"] == []
    approve = as_admin.post(reverse("application-approve", args=[application]))
    assert approve.status_code == 404


def test_strangers_cannot_find_out_who_has_an_account(doctor: User) -> None:
    applied(email="waiting@example.org")
    answers = [
        apply(email=email) for email in (doctor.email, "waiting@example.org", "new@example.org")
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert {tuple(answer.json()) for answer in answers} == {("id",)}
    assert [message.to for message in mail.outbox[-3:]] == [
        [doctor.email],
        ["waiting@example.org"],
        ["new@example.org"],
    ]
    refusals = [verify(answer.json()["id"], "WRONG").json() for answer in answers]
    assert refusals[0] == refusals[1] == refusals[2]
    assert refusals[0]["code"] == "incorrect_code"


def test_an_id_of_nothing_is_refused_like_a_wrong_code() -> None:
    answer = verify(str(uuid4()), "WRONG")
    assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")


def test_a_code_may_be_typed_carelessly_and_come_twice() -> None:
    application = apply().json()["id"]
    typed = f" {mailed(CODE).lower().replace('-', ' ')} "
    assert verify(application, typed).json()["status"] == "waiting"
    assert verify(application, typed).json()["status"] == "waiting"


def test_a_code_cannot_be_guessed_at_length() -> None:
    application = apply().json()["id"]
    for _ in range(5):
        assert verify(application, "WRONG").status_code == 400
    assert verify(application, mailed(CODE)).json()["code"] == "incorrect_code"


def test_a_code_expires() -> None:
    application = apply().json()["id"]
    DoctorApplication.objects.update(code_expires_at=timezone.now())
    assert verify(application, mailed(CODE)).json()["code"] == "code_expired"
    assert verify(application, "WRONG").json()["code"] == "incorrect_code"


def test_two_open_applications_of_one_address_become_one() -> None:
    first = apply().json()["id"]
    code = mailed(CODE)
    applied()
    assert verify(first, code).json()["code"] == "incorrect_code"
    assert DoctorApplication.objects.count() == 1


def test_applications_that_nobody_proved_are_forgotten() -> None:
    applied(email="waiting@example.org")
    apply()
    DoctorApplication.objects.update(created_at=timezone.now() - timedelta(days=2))
    forget_unverified()
    assert [row.email for row in DoctorApplication.objects.all()] == ["waiting@example.org"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "nobody", "invalid"),
        ("email", "a\r\nBcc: b@example.org", "invalid"),
        ("email", None, "null"),
        ("first_name", "a\x07b", "control_characters"),
        ("first_name", "", "blank"),
        ("last_name", "x" * 151, "max_length"),
        ("last_name", "\ud800", "surrogate_characters_not_allowed"),
        ("licence_number", "", "blank"),
        ("licence_body", "\0", "null_characters_not_allowed"),
        ("licence_country", "Lebanon", "max_length"),
        ("licence_country", "lb", "invalid_country"),
        ("role", "admin", "unknown_field"),
        ("status", "approved", "unknown_field"),
    ],
)
def test_what_is_wrong_is_said(field: str, value: Any, code: str) -> None:
    answer = apply(**{field: value})
    assert answer.status_code == 400
    errors = answer.json().get("errors", [answer.json()])
    assert (field, code) in {(error["field"], error["code"]) for error in errors}
    assert mail.outbox == []


def test_an_unknown_status_is_said(as_admin: APIClient) -> None:
    answer = as_admin.get(reverse("applications"), {"status": "lost"})
    assert (answer.status_code, answer.json()["field"]) == (400, "status")


@pytest.mark.parametrize(
    ("decision", "status"), [("approved", "approved"), ("refused", "refused"), ("", "waiting")]
)
def test_an_admin_decides_in_the_admin_site(admin_site: Client, decision: str, status: str) -> None:
    application = applied()
    page = reverse("admin:accounts_doctorapplication_change", args=[application])
    assert "MD-4711" in admin_site.get(page).content.decode()
    assert admin_site.post(page, {"decision": "refused"}).status_code == 200  # a reason is missing
    answer = admin_site.post(page, {"decision": decision, "reason": "Not found in the register."})
    assert answer.status_code == 302
    made = DoctorApplication.objects.get()
    assert made.status == status
    assert ("register" in made.refusal_reason) == (status == "refused")
    assert admin_site.get(page).status_code == 200
