"""What people see and change of themselves."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User

pytestmark = pytest.mark.django_db
LICENCE = {"licence_number": "MD-1", "licence_body": "Order", "licence_country": "LB"}


def change(as_doctor: APIClient, **fields: Any) -> Any:
    return as_doctor.patch(reverse("me"), fields)


def test_people_say_who_they_are(as_doctor: APIClient) -> None:
    said = {"first_name": "Lina", "last_name": "Saad", "specialty": "Neurology", "language": "ar"}
    assert change(as_doctor, **said).status_code == 200
    me = as_doctor.get(reverse("me")).json()
    assert said.items() <= me.items()
    assert me["name"] == "Lina Saad"


def test_a_licence_is_the_doctors_to_give_until_it_is_approved(
    as_doctor: APIClient, doctor: User
) -> None:
    assert change(as_doctor, **LICENCE).status_code == 200
    doctor.licence_approved_at = timezone.now()
    doctor.save()
    refused = change(as_doctor, licence_number="MD-2", specialty="Neurology")
    assert (refused.status_code, refused.json()["code"]) == (409, "licence_approved")
    me = as_doctor.get(reverse("me")).json()
    assert (me["licence_number"], me["specialty"]) == ("MD-1", "")
    assert change(as_doctor, **LICENCE, specialty="Neurology").status_code == 200


@pytest.mark.parametrize("field", ["role", "email", "id", "licence_approved_at"])
def test_role_and_address_are_not_theirs_to_change(
    as_doctor: APIClient, doctor: User, field: str
) -> None:
    before = as_doctor.get(reverse("me")).json()
    assert change(as_doctor, **{field: "admin"}).json() == before
    doctor.refresh_from_db()
    assert doctor.is_doctor


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("language", "tlh", "invalid_choice"),
        ("first_name", "a\x00b", "null_characters_not_allowed"),
        ("last_name", "a\x1bb", "control_characters"),
        ("specialty", "x" * 101, "max_length"),
        ("specialty", {"a": 1}, "invalid"),
        ("licence_country", "L", "invalid_country"),
        ("is_staff", True, "unknown_field"),
    ],
)
def test_what_is_wrong_is_said(as_doctor: APIClient, field: str, value: Any, code: str) -> None:
    answer = change(as_doctor, **{field: value})
    assert answer.status_code == 400
    errors = answer.json().get("errors", [answer.json()])
    assert (field, code) in {(error["field"], error["code"]) for error in errors}
