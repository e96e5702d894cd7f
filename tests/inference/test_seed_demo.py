"""The first start of the embedded form fills an empty installation, and only that."""

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.models import PEOPLE, User
from inference.models import Analysis
from patients.access import patients_for


@pytest.fixture(autouse=True)
def _embedded(settings: Any) -> None:
    settings.EMBEDDED = True


def start() -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_first_start_shows_passwords_that_work_for_each_role() -> None:
    accounts = dict(re.findall(r"(\S+@falx\.example)\s+(\S+)", start()))
    for email, password in accounts.items():
        assert authenticate(email=email, password=password), email
    assert {user.role for user in User.objects.all()} == {role for role, _ in PEOPLE}
    assert len(accounts) == len(set(accounts.values())) == 3


@pytest.mark.django_db
def test_the_doctor_has_a_patient_whose_slices_wait_for_the_worker() -> None:
    start()
    doctor = User.objects.get(role=User.Role.DOCTOR)
    (patient,) = patients_for(doctor)
    waiting = Analysis.objects.filter(scan__patient=patient)
    assert waiting.count() >= 3
    assert {analysis.status for analysis in waiting} == {Analysis.Status.QUEUED}
    assert "dicom" in {analysis.scan.format for analysis in waiting}


@pytest.mark.django_db
def test_a_second_start_changes_nothing_and_says_how_to_get_in() -> None:
    start()
    before = list(User.objects.values_list("email", "password"))
    said = start()
    assert list(User.objects.values_list("email", "password")) == before
    assert "changepassword" in said
    assert "createsuperuser" in said


@pytest.mark.django_db
def test_an_installation_somebody_uses_gets_no_demo_accounts(student: User) -> None:
    start()
    assert list(User.objects.all()) == [student]


@pytest.mark.django_db
def test_the_real_form_gets_no_demo_accounts(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError):
        start()
    assert not User.objects.exists()
