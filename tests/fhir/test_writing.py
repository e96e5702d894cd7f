"""Patients written as FHIR: by the same rules as everywhere, and nothing is lost."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Event
from patients.models import CareTeamMember, Patient
from patients.services import create_patient
from tests.fhir.conftest import Fhir
from tests.fhir.make import File

NEW = {
    "resourceType": "Patient",
    "identifier": [
        {
            "type": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
                ]
            },
            "system": "urn:oid:1.2.3",
            "value": "17",
        }
    ],
    "name": [
        {"use": "official", "family": "Khoury", "given": ["Rima", "May"]},
        {"use": "official", "family": "خوري", "given": ["ريما"]},
        {"use": "old", "family": "Saad"},
    ],
    "gender": "female",
    "birthDate": "1971-03-04",
    "telecom": [
        {"system": "phone", "value": "+49 30 1"},
        {"system": "email", "value": "r@example.org"},
        {"system": "fax", "value": "9"},
    ],
    "address": [{"line": ["Weg 1"], "city": "Ulm", "postalCode": "89073"}],
    "contact": [
        {"name": {"family": "Khoury", "given": ["Sami"]}, "telecom": [{"value": "112"}]},
    ],
    "maritalStatus": {"text": "married"},
    "meta": {"source": "x"},
}


def test_a_patient_is_opened_and_read_back(fhir: Fhir, doctor: User) -> None:
    made = fhir.send("post", "Patient", NEW)
    assert made.status_code == 201, made.content
    body = made.json()
    assert made["Location"].endswith(f"/Patient/{body['id']}")
    assert made["ETag"] == f'W/"{body["meta"]["versionId"]}"'
    row = Patient.objects.get(pk=body["id"])
    assert (row.family_name, row.given_name, row.sex) == ("Khoury", "Rima May", "female")
    assert (row.family_name_arabic, row.given_name_arabic) == ("خوري", "ريما")
    assert (row.birth_date, row.phone, row.email) == (
        date(1971, 3, 4),
        "+49 30 1",
        "r@example.org",
    )
    assert row.address == "Weg 1, 89073, Ulm"
    assert (row.emergency_contact_name, row.emergency_contact_phone) == ("Sami Khoury", "112")
    identifier = row.identifiers.get()
    assert (identifier.kind, identifier.issuer, identifier.value) == (
        "medical_record",
        "1.2.3",
        "17",
    )
    assert CareTeamMember.objects.get(patient=row).level == CareTeamMember.Level.OWNER
    event = Event.objects.get(action="fhir.patient.create")
    assert event.patient_id == row.pk
    assert event.details["not_kept"] == ["Patient.maritalStatus", "Patient.telecom[2]"]
    assert fhir.get(f"Patient/{body['id']}") == body


def test_who_wants_all_of_it_kept_is_refused(fhir: Fhir) -> None:
    refused = fhir.send("post", "Patient", NEW, Prefer="handling=strict")
    assert refused.status_code == 400
    assert refused.json()["issue"][0]["expression"] == ["Patient.maritalStatus"]
    assert not Patient.objects.exists()


def test_a_file_is_opened_only_where_there_is_none(fhir: Fhir, doctor: User) -> None:
    header = {"If-None-Exist": "identifier=urn:oid:1.2.3|17"}
    first = fhir.send("post", "Patient", NEW, **header)
    again = fhir.send("post", "Patient", NEW, **header)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    taken = fhir.send("post", "Patient", NEW)
    (issue,) = taken.json()["issue"]
    assert (taken.status_code, issue["code"]) == (409, "conflict")
    assert issue["expression"] == ["Patient.identifier[0]"]
    create_patient(user=doctor, family_name="Khoury")
    several = fhir.send("post", "Patient", NEW, **{"If-None-Exist": "family=Khoury"})
    assert several.status_code == 412
    for nonsense in ("colour=blue", "", "?", "_count=1", "birthdate=x"):
        answer = fhir.send(
            "post",
            "Patient",
            NEW | {"identifier": [{"system": "a:b", "value": nonsense}]},
            **({"If-None-Exist": nonsense} if nonsense else {"If-None-Exist": "_sort=family"}),
        )
        assert answer.status_code == 400, nonsense
    assert Patient.objects.count() == 2


def test_what_was_read_can_be_written_back_and_changes_nothing(fhir: Fhir, file: File) -> None:
    path = f"Patient/{file.patient.pk}"
    before = Patient.objects.values().get()
    numbers = list(file.patient.identifiers.values())
    body = fhir.get(path)
    answer = fhir.send("put", path, body, **{"If-Match": fhir.raw(path)["ETag"]})
    assert answer.status_code == 200, answer.content
    after = Patient.objects.values().get()
    assert {k: v for k, v in after.items() if k != "updated_at"} == {
        k: v for k, v in before.items() if k != "updated_at"
    }
    assert list(file.patient.identifiers.values()) == numbers
    assert {k: v for k, v in answer.json().items() if k != "meta"} == {
        k: v for k, v in body.items() if k != "meta"
    }


def test_an_update_says_all_that_fhir_can_and_leaves_the_rest(fhir: Fhir, file: File) -> None:
    path = f"Patient/{file.patient.pk}"
    body = {"resourceType": "Patient", "id": str(file.patient.pk), "name": [{"text": "Rana"}]}
    assert fhir.send("put", path, body).status_code == 428
    assert fhir.send("put", path, body, **{"If-Match": 'W/"1"'}).status_code == 412
    etag = fhir.raw(path)["ETag"]
    assert fhir.send("put", path, body, **{"If-Match": etag}).status_code == 200
    row = Patient.objects.get()
    assert (row.family_name, row.phone, row.birth_date) == ("Rana", "", None)
    assert not row.identifiers.exists()
    assert (row.notes, row.handedness) == ("Kept from FHIR", "left")
    assert fhir.send("put", path, body, **{"If-Match": etag}).status_code == 412
    assert Event.objects.filter(action="fhir.patient.edit", patient_id=row.pk).count() == 1


def test_readers_write_nothing(fhir: Fhir, as_user: Any, other_doctor: User, file: File) -> None:
    CareTeamMember.objects.create(
        patient=file.patient, user=other_doctor, level=CareTeamMember.Level.READER
    )
    path = f"Patient/{file.patient.pk}"
    body = fhir.get(path)
    reader = as_user(other_doctor).send("put", path, body, **{"If-Match": "*"})
    assert (reader.status_code, reader.json()["issue"][0]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("changes", "status", "expression"),
    [
        ({"resourceType": "Person"}, 400, "Patient.resourceType"),
        ({"colour": "blue"}, 400, "Patient.colour"),
        ({"name": "Khoury"}, 400, "Patient.name"),
        ({"name": []}, 400, "Patient.name"),
        ({"name": [{"family": 3}]}, 400, "Patient.name[0].family"),
        ({"birthDate": "4.3.1971"}, 400, "Patient.birthDate"),
        ({"birthDate": "1971"}, 422, "Patient.birthDate"),
        ({"birthDate": "1971-02-30"}, 422, "Patient.birthDate"),
        ({"birthDate": "2971-02-03"}, 422, "Patient.birthDate"),
        ({"gender": "f"}, 422, "Patient.gender"),
        ({"name": [{"given": ["Rima"]}]}, 422, "Patient.name.family"),
        ({"telecom": [{"system": "email", "value": "x"}]}, 422, "Patient.telecom.value"),
        ({"identifier": [{"value": "1"}]}, 422, "Patient.identifier[0]"),
        ({"deceasedBoolean": True}, 422, "Patient.deceasedBoolean"),
        ({"active": False}, 422, "Patient.active"),
        ({"link": [{"other": {"reference": "Patient/1"}}]}, 422, "Patient.link"),
        ({"modifierExtension": [{"url": "x"}]}, 422, "Patient.modifierExtension"),
    ],
)
def test_what_is_wrong_is_named_by_its_element(
    changes: dict[str, Any], status: int, expression: str, fhir: Fhir
) -> None:
    answer = fhir.send("post", "Patient", NEW | changes)
    assert answer.status_code == status, answer.content
    assert answer.json()["issue"][0]["expression"] == [expression]
    assert not Patient.objects.exists()


def test_what_is_no_json_is_refused(fhir: Fhir) -> None:
    for text in ("{", "", "[]", "null", '"Patient"', "[" * 100_000, b"\xff"):
        answer = fhir.send("post", "Patient", text)
        assert answer.status_code == 400, answer.content
        assert answer.json()["resourceType"] == "OperationOutcome"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
SHAPED = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        name: ANYTHING | st.just(NEW.get(name))
        for name in ("identifier", "name", "telecom", "address", "contact", "gender", "birthDate")
    }
    | {"link": ANYTHING, "active": ANYTHING, "extension": ANYTHING},
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SHAPED | ANYTHING)
def test_whatever_is_sent_is_kept_or_refused(fhir: Fhir, body: Any) -> None:
    answer = fhir.send("post", "Patient", json.dumps(body))
    assert answer.status_code in (201, 400, 409, 422), answer.content
