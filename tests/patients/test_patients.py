from base64 import b64encode
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from patients.models import Patient
from patients.services import add_to_care_team, create_patient, update_patient


def url(patient: Patient) -> str:
    return reverse("patient", args=[patient.id])


def test_a_doctor_opens_a_file_and_finds_it(as_doctor: APIClient) -> None:
    given = {
        "family_name": "حداد",
        "given_name": "رنا",
        "birth_date": "1980-02-29",
        "sex": "female",
        "identifiers": [{"kind": "medical_record", "issuer": "Hospital", "value": "H-17"}],
    }
    made = as_doctor.post(reverse("patients"), given)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in given} == given
    listed = made.json()
    assert listed.pop("warnings") == []
    assert as_doctor.get(reverse("patients")).json()["results"] == [listed]


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({}, "family_name", "required"),
        ({"family_name": " "}, "family_name", "blank"),
        ({"family_name": "x" * 151}, "family_name", "max_length"),
        ({"family_name": "a\0b"}, "family_name", "null_characters_not_allowed"),
        ({"family_name": "a", "sex": "none"}, "sex", "invalid_choice"),
        ({"family_name": "a", "birth_date": "2001-02-29"}, "birth_date", "invalid"),
        ({"family_name": "a", "birth_date": "2999-01-01"}, "birth_date", "date_in_future"),
    ],
)
def test_bad_input_names_the_field(
    as_doctor: APIClient, given: dict[str, str], field: str, code: str
) -> None:
    answer = as_doctor.post(reverse("patients"), given)
    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["code"]) == (field, code)
    assert answer.json()["message"]
    assert not Patient.objects.exists()


def test_half_a_character_is_refused(as_doctor: APIClient) -> None:
    raw = b'{"family_name": "a\\ud800"}'
    answer = as_doctor.post(reverse("patients"), raw, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "surrogate_characters_not_allowed"


def test_several_mistakes_are_all_named(as_doctor: APIClient) -> None:
    answer = as_doctor.post(reverse("patients"), {"sex": "none", "birth_date": "x"}).json()
    assert answer["code"] == "invalid"
    assert {e["field"] for e in answer["errors"]} == {"family_name", "sex", "birth_date"}


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "\udce4"])
def test_a_body_that_is_no_object_is_refused(as_doctor: APIClient, body: str) -> None:
    raw = body.encode("utf-8", "surrogateescape")
    answer = as_doctor.post(reverse("patients"), raw, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] in ("parse_error", "invalid")


def test_lists_are_paged_newest_first(as_doctor: APIClient, doctor: User) -> None:
    names = [f"Name{n}" for n in range(5)]
    for name in names:
        create_patient(user=doctor, family_name=name)
    seen, page = [], reverse("patients") + "?page_size=2"
    while page:
        answer = as_doctor.get(page).json()
        seen += [p["family_name"] for p in answer["results"]]
        page = answer["next"]
    assert seen == names[::-1]


@pytest.mark.parametrize(
    ("text", "found"),
    [("hadd", True), ("rana HADDAD", True), ("H-1", True), ("haddad omar", False)],
)
def test_search(
    as_doctor: APIClient,
    doctor: User,
    patient: Patient,
    text: str,
    found: bool,
    other_doctor: User,
) -> None:
    number = {"kind": "medical_record", "issuer": "Hospital", "value": "H-17"}
    update_patient(user=doctor, patient=patient, identifiers=[number])
    create_patient(user=other_doctor, family_name="Haddad", given_name="Rana")
    answer = as_doctor.get(reverse("patients"), {"search": text})
    assert [p["id"] for p in answer.json()["results"]] == ([str(patient.id)] if found else [])


def test_a_list_costs_the_same_queries_at_any_length(
    as_doctor: APIClient, doctor: User, django_assert_num_queries: object
) -> None:
    for n in range(20):
        create_patient(user=doctor, family_name=f"Name{n}")
    with django_assert_num_queries(3):  # type: ignore[operator]
        as_doctor.get(reverse("patients"))


def test_an_edit_needs_the_version_it_was_made_on(as_doctor: APIClient, patient: Patient) -> None:
    etag = as_doctor.get(url(patient))["ETag"]
    bare = as_doctor.patch(url(patient), {"given_name": "Rima"})
    assert (bare.status_code, bare.json()["code"]) == (428, "if_match_required")

    first = as_doctor.patch(url(patient), {"given_name": "Rima"}, headers={"If-Match": etag})
    assert (first.status_code, first.json()["given_name"]) == (200, "Rima")

    late = as_doctor.patch(url(patient), {"given_name": "Rola"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    patient.refresh_from_db()
    assert patient.given_name == "Rima"


def test_an_unchanged_patient_is_not_sent_again(as_doctor: APIClient, patient: Patient) -> None:
    etag = as_doctor.get(url(patient))["ETag"]
    assert as_doctor.get(url(patient), headers={"If-None-Match": etag}).status_code == 304
    Patient.objects.update(given_name="x", updated_at=timezone.now() + timedelta(seconds=1))
    assert as_doctor.get(url(patient), headers={"If-None-Match": etag}).status_code == 200


def test_a_doctor_who_was_given_a_patient_sees_it(
    api: object, patient: Patient, other_doctor: User
) -> None:
    colleague = api(other_doctor)  # type: ignore[operator]
    assert colleague.get(url(patient)).status_code == 404
    add_to_care_team(patient=patient, user=other_doctor)
    assert colleague.get(url(patient)).status_code == 200


def test_a_patient_that_is_not_there(as_doctor: APIClient) -> None:
    answer = as_doctor.get(reverse("patients") + "/00000000-0000-4000-8000-000000000000")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("sent", ["[" * 100_000, '{"family_name": "x", "sex": "\\ud800"}'])
def test_json_that_cannot_be_meant_is_the_caller_s_error(as_doctor: APIClient, sent: str) -> None:
    answer = as_doctor.post(reverse("patients"), sent, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "field"}


@pytest.mark.parametrize(
    "position", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-13-01", "x", ""]
)
def test_a_made_up_cursor_leads_nowhere(as_doctor: APIClient, position: str) -> None:
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    assert as_doctor.get(reverse("patients"), {"cursor": cursor}).status_code == 404


@pytest.mark.parametrize("text", ["a " * 2000, "a" * 60_000])
def test_a_search_that_no_database_takes_is_refused(as_doctor: APIClient, text: str) -> None:
    answer = as_doctor.get(reverse("patients"), {"search": text})
    assert (answer.status_code, answer.json()["field"]) == (400, "search")
