"""Who a patient is: names in two scripts, numbers with their issuers, files of one person."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from patients.models import Patient
from patients.search import fold
from patients.services import create_patient

RANA = {"family_name": "Haddad", "given_name": "Rana", "birth_date": "1980-02-29"}
NUMBER = {"kind": "medical_record", "issuer": "City hospital", "value": "H 17"}


def open_file(client: APIClient, **given: object) -> dict[str, Any]:
    answer = client.post(reverse("patients"), {**RANA, **given})
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def test_everything_about_a_patient_is_kept(as_doctor: APIClient) -> None:
    everything = {
        **RANA,
        "family_name_arabic": "حداد",
        "given_name_arabic": "رنا",
        "sex": "female",
        "handedness": "left",
        "identifiers": [NUMBER, {"kind": "national_id", "issuer": "SY", "value": "0100"}],
        "phone": "+963 11 1234567",
        "email": "rana@example.org",
        "address": "Straight Street 1\nDamascus",
        "emergency_contact_name": "Omar Haddad",
        "emergency_contact_relation": "Brother",
        "emergency_contact_phone": "+963 11 7654321",
        "notes": "Speaks Arabic and French.",
    }
    made = open_file(as_doctor, **everything)
    read = as_doctor.get(reverse("patient", args=[made["id"]])).json()
    assert {name: read[name] for name in everything} == everything
    assert read["access"] == {"level": "owner", "via": "team"}


def test_a_number_belongs_to_one_patient(as_doctor: APIClient, api: object, admin: User) -> None:
    first = open_file(as_doctor, identifiers=[NUMBER])
    again = {**NUMBER, "issuer": "CITY  Hospital", "value": "h 17"}
    other = {"family_name": "Khoury", "identifiers": [again]}
    refused = as_doctor.post(reverse("patients"), other)
    assert refused.status_code == 409
    assert refused.json()["code"] == "identifier_taken"
    assert refused.json()["field"] == "identifiers.0"
    assert refused.json()["patient"] == first["id"]
    assert Patient.objects.count() == 1

    from_elsewhere = {**other, "identifiers": [{**NUMBER, "issuer": "Other hospital"}]}
    assert as_doctor.post(reverse("patients"), from_elsewhere).status_code == 201


def test_a_stranger_learns_only_that_a_number_is_taken(
    as_doctor: APIClient, api: object, other_doctor: User
) -> None:
    open_file(as_doctor, identifiers=[NUMBER])
    stranger = api(other_doctor)  # type: ignore[operator]
    refused = stranger.post(reverse("patients"), {**RANA, "identifiers": [NUMBER]})
    assert (refused.status_code, refused.json()["patient"]) == (409, None)


def test_identifiers_given_are_all_there_are(as_doctor: APIClient) -> None:
    made = open_file(as_doctor, identifiers=[NUMBER])
    address = reverse("patient", args=[made["id"]])
    new = {**NUMBER, "value": "H 18"}
    edited = as_doctor.patch(address, {"identifiers": [new]}, headers={"If-Match": "*"})
    assert edited.json()["identifiers"] == [new]
    untouched = as_doctor.patch(address, {"phone": "1"}, headers={"If-Match": "*"})
    assert untouched.json()["identifiers"] == [new]
    assert as_doctor.get(reverse("patients"), {"search": "h 18"}).json()["results"]
    assert not as_doctor.get(reverse("patients"), {"search": "h 17"}).json()["results"]


@pytest.mark.parametrize(
    "names",
    [
        {"family_name": "HADDAD", "given_name": "rana"},
        {"family_name": "Rana", "given_name": "Haddad"},
        {"family_name": "Háddad", "given_name": "Rana"},
    ],
)
def test_the_same_name_and_birth_date_warns(as_doctor: APIClient, names: dict[str, str]) -> None:
    first = open_file(as_doctor)
    second = open_file(as_doctor, **names)
    (warning,) = second["warnings"]
    assert warning["code"] == "possible_duplicate"
    assert warning["patients"] == [first["id"]]


def test_the_same_name_in_arabic_warns(as_doctor: APIClient) -> None:
    open_file(as_doctor, family_name_arabic="حدّاد", given_name_arabic="أميرة")
    second = open_file(
        as_doctor,
        family_name="Hadad",
        given_name="Amira",
        family_name_arabic="حداد",
        given_name_arabic="اميره",
    )
    assert second["warnings"]


def test_another_birth_date_does_not_warn(as_doctor: APIClient) -> None:
    open_file(as_doctor)
    assert open_file(as_doctor, birth_date="1981-02-28")["warnings"] == []


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"age_years": 40}, "age_years", "birth_date_known"),
        ({"birth_date": None, "age_years": 131}, "age_years", "max_value"),
        ({"birth_date": None, "age_years": -1}, "age_years", "min_value"),
        ({"birth_date": "1492-10-12"}, "birth_date", "date_too_early"),
        ({"surname": "Haddad"}, "surname", "unknown_field"),
        ({"identifiers": [{"value": "1"}]}, "identifiers.0.issuer", "required"),
        ({"identifiers": [{**NUMBER, "value": "1" * 65}]}, "identifiers.0.value", "max_length"),
        ({"identifiers": [{**NUMBER, "kind": "x"}]}, "identifiers.0.kind", "invalid_choice"),
        ({"identifiers": [{**NUMBER, "check": "1"}]}, "identifiers.0.check", "unknown_field"),
        ({"email": "rana"}, "email", "invalid"),
        ({"handedness": "up"}, "handedness", "invalid_choice"),
        ({"given_name": "Rana\u202e"}, "given_name", "bidi_characters_not_allowed"),
        ({"given_name_arabic": "\u2067رنا"}, "given_name_arabic", "bidi_characters_not_allowed"),
        ({"family_name": "Had\x07dad"}, "family_name", "control_characters_not_allowed"),
        ({"family_name": "Haddad\nRana"}, "family_name", "line_breaks_not_allowed"),
        ({"notes": "bell\x07"}, "notes", "control_characters_not_allowed"),
        (
            {"identifiers": [{**NUMBER, "value": "1\u202e2"}]},
            "identifiers.0.value",
            "bidi_characters_not_allowed",
        ),
    ],
)
def test_what_cannot_be_names_its_field(
    as_doctor: APIClient, wrong: dict[str, object], field: str, code: str
) -> None:
    answer = as_doctor.post(reverse("patients"), {**RANA, **wrong})
    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["code"]) == (field, code)
    assert not Patient.objects.exists()


def test_an_age_grows_with_the_years(as_doctor: APIClient) -> None:
    made = open_file(as_doctor, birth_date=None, age_years=40)
    assert made["age"] == 40
    noted = timezone.localdate() - timedelta(days=3 * 366)
    Patient.objects.update(age_noted_on=noted)
    assert as_doctor.get(reverse("patient", args=[made["id"]])).json()["age"] == 43


@pytest.mark.parametrize("words", ["HADDAD", "hadd ran", "حداد", "حَدَّاد", "h 17"])
def test_a_patient_is_found_by_any_word(as_doctor: APIClient, words: str) -> None:
    made = open_file(as_doctor, family_name_arabic="حدّاد", identifiers=[NUMBER])
    open_file(as_doctor, family_name="Khoury", given_name="Maya")
    found = as_doctor.get(reverse("patients"), {"search": words}).json()["results"]
    assert [each["id"] for each in found] == [made["id"]]


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="abcdefghijklmnop äöüأإآىةئ", max_size=40))
def test_case_makes_no_difference(text: str) -> None:
    assert fold(text.upper()) == fold(text)


def test_a_percent_sign_is_a_letter_like_any_other(as_doctor: APIClient, doctor: User) -> None:
    create_patient(user=doctor, family_name="Haddad")
    assert not as_doctor.get(reverse("patients"), {"search": "%"}).json()["results"]
