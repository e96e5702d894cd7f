"""The care team on a patient's page in the admin site: what holds in the API holds there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from patients.access import Level
from patients.models import CareTeamMember, Change, Patient
from tests.audit.test_admin_pages import form_of
from tests.team.conftest import levels

Save = Callable[..., Any]


@pytest.fixture
def save(admin_site: Client, patient: Patient) -> Save:
    """Send the patient's page with some fields of the team's rows changed."""

    def save(**fields: Any) -> Any:
        address = reverse("admin:patients_patient_change", args=[patient.pk])
        changed = {f"members-{name.replace('__', '-')}": value for name, value in fields.items()}
        return admin_site.post(address, form_of(admin_site, address) | changed)

    return save


@pytest.fixture
def new_row(other_doctor: User) -> dict[str, Any]:
    return {"TOTAL_FORMS": 2, "1__user": str(other_doctor.pk), "1__level": Level.WRITER.value}


def test_an_admin_lets_a_doctor_in_until_a_day(
    save: Save, patient: Patient, other_doctor: User, new_row: dict[str, Any]
) -> None:
    end = timezone.now() + timedelta(days=3)
    answer = save(**new_row, **{"1__expires_at_0": f"{end:%Y-%m-%d}", "1__expires_at_1": "12:00"})
    assert answer.status_code == 302
    member = CareTeamMember.objects.get(user=other_doctor)
    assert (member.level, member.via) == (Level.WRITER, CareTeamMember.Via.SHARE)
    assert Change.objects.filter(user=other_doctor, action="created", object_id=patient.pk).exists()


def test_and_takes_them_out(save: Save, other_doctor: User, new_row: dict[str, Any]) -> None:
    save(**new_row)
    assert save(**{"1__DELETE": "on"}).status_code == 302
    assert not CareTeamMember.objects.filter(user=other_doctor).exists()
    (change,) = Change.objects.filter(user=other_doctor)
    assert change.action == "deleted"


@pytest.mark.parametrize("change", [{"0__level": 2}, {"0__DELETE": "on"}])
def test_the_last_owner_stays(
    save: Save, patient: Patient, doctor: User, change: dict[str, Any]
) -> None:
    answer = save(**change)
    assert answer.status_code == 200
    assert "needs an owner" in answer.content.decode()
    assert levels(patient) == {doctor: Level.OWNER}


def test_an_owner_goes_when_another_comes(
    save: Save, patient: Patient, other_doctor: User, new_row: dict[str, Any]
) -> None:
    assert save(**new_row | {"1__level": 3, "0__DELETE": "on"}).status_code == 302
    assert levels(patient) == {other_doctor: Level.OWNER}


def test_students_and_ends_that_cannot_be_are_refused(
    save: Save, patient: Patient, doctor: User, student: User, new_row: dict[str, Any]
) -> None:
    past = {"1__expires_at_0": "2020-01-01", "1__expires_at_1": "12:00"}
    for wrong in ({"1__user": str(student.pk)}, past):
        assert save(**new_row | wrong).status_code == 200
    assert levels(patient) == {doctor: Level.OWNER}


def test_whoever_opens_a_file_there_owns_it(admin_site: Client, admin: User) -> None:
    address = reverse("admin:patients_patient_add")
    given = form_of(admin_site, address) | {"family_name": "Khoury"}
    assert admin_site.post(address, given).status_code == 302
    assert levels(Patient.objects.get(family_name="Khoury")) == {admin: Level.OWNER}
