"""Those who keep a patient's file see who has looked at it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from patients.merge import merge
from patients.models import CareTeamMember, Patient
from patients.services import add_to_care_team, create_patient

Api = Callable[[User | None], APIClient]


def trail(client: APIClient, patient: Patient) -> list[dict[str, Any]]:
    answer = client.get(reverse("patient-audit", args=[patient.pk]))
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def look(client: APIClient, patient: Patient) -> int:
    return client.get(reverse("patient", args=[patient.pk])).status_code


@pytest.fixture
def reader(patient: Patient) -> User:
    user = User.objects.create_user("reader@example.org", role=User.Role.DOCTOR)
    add_to_care_team(patient=patient, user=user, level=CareTeamMember.Level.READER)
    return user


def test_looks_and_refusals(api: Api, doctor: User, reader: User, student: User) -> None:
    patient = Patient.objects.get()
    assert look(api(reader), patient) == 200
    assert look(api(student), patient) == 404

    asked, refused, read = trail(api(doctor), patient)

    assert (asked["action"], asked["user"]["id"]) == ("audit.read", str(doctor.pk))
    assert (refused["action"], refused["user"]["role"]) == ("refused", "student")
    assert (read["action"], read["why"]) == ("patient.read", "team")
    assert read["user"] == {"id": str(reader.pk), "name": str(reader), "role": "doctor"}
    assert "address" not in read  # from where a colleague works is for admins


def test_not_for_those_who_only_read(api: Api, reader: User, patient: Patient) -> None:
    answer = api(reader).get(reverse("patient-audit", args=[patient.pk]))
    assert (answer.status_code, answer.json()["code"]) == (403, "owner_required")
    assert Event.objects.get(user_id=reader.pk).action == "refused"


def test_a_doctor_who_tries_an_edit_that_is_not_theirs(
    api: Api, reader: User, patient: Patient
) -> None:
    """The transaction of the edit is rolled back; that it was tried stays."""
    address = reverse("patient", args=[patient.pk])
    assert api(reader).patch(address, {"sex": "male"}, headers={"If-Match": "*"}).status_code == 403

    event = Event.objects.get(user_id=reader.pk)
    assert (event.action, event.method, event.patient_id) == ("refused", "PATCH", patient.pk)


def test_an_edit_that_comes_too_late_is_a_read_of_how_it_is_now(
    as_doctor: APIClient, patient: Patient
) -> None:
    address = reverse("patient", args=[patient.pk])
    late = as_doctor.patch(address, {"sex": "male"}, headers={"If-Match": '"old"'})
    assert (late.status_code, late.json()["current"]["id"]) == (412, str(patient.pk))
    event = Event.objects.get()
    assert (event.action, event.why, event.method) == ("patient.read", "team", "PATCH")
    assert event.patient_id == patient.pk


def test_an_edit_that_does_not_happen_leaves_nothing(
    as_doctor: APIClient, patient: Patient
) -> None:
    address = reverse("patient", args=[patient.pk])
    wrong = as_doctor.patch(address, {"sex": "no"}, headers={"If-Match": "*"})
    assert wrong.status_code == 400
    assert not Event.objects.exists()


def test_a_merged_file_brings_its_trail(
    api: Api, as_doctor: APIClient, doctor: User, admin: User, patient: Patient
) -> None:
    twin = create_patient(user=doctor, family_name="Haddad", given_name="Rana")
    look(as_doctor, twin)
    merge(user=admin, kept_id=patient.pk, absorbed_id=twin.pk, reason="The same person.")

    assert [event["patient"] for event in trail(as_doctor, patient)] == [
        str(patient.pk),
        str(twin.pk),
    ]


def test_the_trail_outlives_the_file(
    api: Api, admin: User, as_doctor: APIClient, patient: Patient
) -> None:
    look(as_doctor, patient)
    patient_id = str(patient.pk)
    patient.delete()

    found = api(admin).get(reverse("audit"), {"patient": patient_id, "action": "patient.read"})
    assert [event["patient"] for event in found.json()["results"]] == [patient_id]


def test_a_page_of_patients_says_who_was_on_it(as_doctor: APIClient, patient: Patient) -> None:
    as_doctor.get(reverse("patients"), {"search": "hadd"})

    event = Event.objects.get()
    assert event.action == "patients.search"
    assert event.details == {"search": "hadd", "patients": [str(patient.pk)]}


def test_a_search_with_a_null_character(as_doctor: APIClient, patient: Patient) -> None:
    assert as_doctor.get(reverse("patients"), {"search": "ha\0dd"}).status_code == 200
    assert Event.objects.get().details["search"] == "hadd"
