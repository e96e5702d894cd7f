"""Who is let in, what is refused and in which words, what is written down."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.systems.models import AccessToken, SystemAccount
from accounts.systems.services import create_system, digest
from audit.models import Event
from fhir.table import TYPES
from patients.merge import merge
from patients.models import Patient
from patients.services import create_patient
from tests.fhir.conftest import Fhir
from tests.fhir.make import BASE, IDENTIFIERS, File

ISSUER = IDENTIFIERS[1]["issuer"]


def bearer(*scopes: str, issuer: str = ISSUER) -> Fhir:
    """Return a hospital's system with these scopes."""
    system: SystemAccount = create_system(
        by=None, name=f"EHR {uuid4()}", issuers=[issuer], scopes=list(scopes)
    )
    token = str(uuid4())
    AccessToken.objects.create(
        system=system,
        digest=digest(token),
        scopes=list(scopes),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return Fhir(client)


def code_of(body: dict[str, Any]) -> str:
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["code"])


def test_a_system_sees_its_issuer_s_patients_as_far_as_its_scopes_go(
    file: File, stranger: Patient
) -> None:
    system = bearer("system/Patient.read", "system/DiagnosticReport.rs")
    (entry,) = system.get("Patient")["entry"]
    assert entry["resource"]["id"] == str(file.patient.pk)
    assert system.get(f"Patient/{stranger.pk}", 404)
    event = Event.objects.order_by("-at").exclude(action="refused")[0]
    assert (event.role, event.action) == ("system", "fhir.patient.search")
    refused = system.get(f"Observation/{file.series_analysis.pk}.label", 403)
    assert refused["issue"][0]["details"]["coding"][0]["code"] == "insufficient_scope"
    bundle = system.get("DiagnosticReport?_include=DiagnosticReport:result&_revinclude=x:y", 400)
    assert code_of(bundle) == "invalid"
    bundle = system.get("DiagnosticReport?_include=DiagnosticReport:result")
    assert {e["resource"]["resourceType"] for e in bundle["entry"]} == {"DiagnosticReport"}
    whole = system.get(f"Patient/{file.patient.pk}/$everything")
    kinds = {e["resource"]["resourceType"] for e in whole["entry"]}
    assert kinds == {"Patient", "DiagnosticReport"}
    assert "entry" not in bearer("system/*.rs", issuer="Elsewhere").get("Patient")


def test_a_token_allows_no_more_than_its_account(file: File) -> None:
    system = bearer("system/Patient.read", "system/Condition.read")
    SystemAccount.objects.update(scopes=["system/Condition.read"])
    assert system.get("Patient", 403)
    assert system.get(f"Condition?patient={file.patient.pk}")["entry"]


def test_a_system_opens_files_of_its_own_issuer_only(file: File) -> None:
    system = bearer("system/Patient.cruds", issuer="1.2.3")
    body = {
        "resourceType": "Patient",
        "name": [{"family": "Saad"}],
        "identifier": [{"system": "urn:oid:1.2.3", "value": "7"}],
    }
    made = system.send("post", "Patient", body)
    assert made.status_code == 201, made.content
    row = Patient.objects.get(pk=made.json()["id"])
    assert row.identifiers.get().issuer == "1.2.3"
    foreign = body | {"identifier": [{"system": "urn:oid:9.9", "value": "7"}]}
    assert system.send("post", "Patient", foreign).status_code == 403
    assert bearer("system/Patient.rs").send("post", "Patient", body).status_code == 403


def test_a_system_leaves_the_numbers_of_others_alone(doctor: User) -> None:
    """With another hospital's number it would see what that one sends."""
    system = bearer("system/Patient.cruds", issuer="1.2.3")
    foreign = {"system": "urn:oid:9.9", "value": "7"}
    own = {"system": "urn:oid:1.2.3", "value": "7"}
    body = {"resourceType": "Patient", "name": [{"family": "Saad"}], "identifier": [foreign, own]}
    made = system.send("post", "Patient", body).json()
    row = Patient.objects.get(pk=made["id"])
    assert row.identifiers.get().issuer == "1.2.3"
    event = Event.objects.get(action="fhir.patient.create")
    assert event.details["not_kept"] == ["Patient.identifier[0]"]
    path, anyhow = f"Patient/{row.pk}", {"If-Match": "*"}
    strict = system.send("put", path, body, Prefer="handling=strict", **anyhow)
    assert strict.status_code == 400
    row.identifiers.create(issuer="8.8", value="1")
    more = body | {"id": made["id"], "identifier": [own, own | {"value": "8"}, foreign]}
    assert system.send("put", path, more, **anyhow).status_code == 200
    numbers = {(each.issuer, each.value) for each in row.identifiers.all()}
    assert numbers == {("1.2.3", "7"), ("1.2.3", "8"), ("8.8", "1")}


def test_whoever_may_only_create_finds_nobody(file: File) -> None:
    number = IDENTIFIERS[1]
    body = {
        "resourceType": "Patient",
        "name": [{"family": "Saad"}],
        "identifier": [{"assigner": {"display": number["issuer"]}, "value": "new"}],
    }
    header = {"If-None-Exist": f"identifier={number['value']}"}
    refused = bearer("system/Patient.c").send("post", "Patient", body, **header)
    assert refused.status_code == 403
    found = bearer("system/Patient.cs").send("post", "Patient", body, **header)
    assert (found.status_code, found.json()["id"]) == (200, str(file.patient.pk))


def test_nobody_and_students(as_user: Any, student: User, file: File) -> None:
    nobody = as_user(None).raw(f"Patient/{file.patient.pk}")
    assert (nobody.status_code, code_of(nobody.json())) == (401, "login")
    assert nobody["WWW-Authenticate"]
    assert code_of(as_user(student).get("Patient", 404)) == "not-found"
    assert as_user(None).get("metadata")["fhirVersion"] == "4.0.1"
    smart = as_user(None).raw(".well-known/smart-configuration").json()
    assert smart["token_endpoint"] == "http://testserver/oauth/token"


def test_what_is_hidden_is_missing_and_leaves_one_event(
    fhir: Fhir, as_user: Any, other_doctor: User, file: File
) -> None:
    paths = {
        f"Patient/{file.patient.pk}": "patient",
        f"Patient/{file.patient.pk}/$everything": "patient",
        f"Observation/{file.series_analysis.pk}.volume": "series_analysis",
        f"DiagnosticReport/{file.analysis.pk}": "analysis",
        f"Binary/{file.attachment.pk}": "entry",
        f"Condition/{file.entries[0].pk}": "entry",
    }
    for path, kind in paths.items():
        Event.objects.filter()._raw_delete("default")
        hidden = as_user(other_doctor).raw(path)
        assert hidden.status_code == 404
        event = Event.objects.get()
        assert (event.action, event.patient_id, event.subject_kind) == (
            "refused",
            file.patient.pk,
            kind,
        )
        missing = as_user(other_doctor).raw(path.replace(path.split("/")[1], str(uuid4())))
        assert missing.content == hidden.content
    shown = fhir.get(f"Observation/{file.series_analysis.pk}.volume")
    event = Event.objects.exclude(action="refused").get()
    assert (event.action, event.why) == ("fhir.observation.read", "team")
    assert shown["id"].startswith(str(event.subject_id))


def test_only_owners_and_admins_see_the_audit(
    fhir: Fhir, as_user: Any, other_doctor: User, admin: User, file: File
) -> None:
    fhir.get(f"Patient/{file.patient.pk}")
    mine = fhir.get(f"AuditEvent?patient={file.patient.pk}&subtype=fhir.patient.read")
    (entry,) = mine["entry"]
    assert entry["resource"]["action"] == "R"
    assert "network" not in entry["resource"]["agent"][0]
    looked = Event.objects.get(action="fhir.auditevent.search")
    assert looked.patient_id == file.patient.pk
    assert "entry" not in as_user(other_doctor).get(f"AuditEvent?patient={file.patient.pk}")
    whole = as_user(admin).get("AuditEvent?subtype=fhir.patient.read")["entry"][0]["resource"]
    assert whole["agent"][0]["network"]["address"] == "127.0.0.1"


def test_a_file_that_was_taken_up_is_gone_and_says_where(
    fhir: Fhir, as_user: Any, other_doctor: User, admin: User, doctor: User, file: File
) -> None:
    twin = create_patient(user=doctor, family_name="Haddad")
    merge(user=admin, kept_id=file.patient.pk, absorbed_id=twin.pk, reason="One person.")
    gone = fhir.get(f"Patient/{twin.pk}", 410)
    assert code_of(gone) == "deleted"
    assert f"Patient/{file.patient.pk}" in gone["issue"][0]["diagnostics"]
    assert as_user(other_doctor).get(f"Patient/{twin.pk}", 404)
    kept = fhir.get(f"Patient/{file.patient.pk}")
    assert kept["link"] == [{"other": {"reference": f"Patient/{twin.pk}"}, "type": "replaces"}]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("get", "Patient/not_an_id!", {}, 404),
        ("get", "Patient/nobody", {}, 404),
        ("get", "Nothing", {}, 404),
        ("post", "", {}, 404),
        ("get", "Nothing/1/_history", {}, 404),
        ("get", "Device/none", {}, 404),
        ("delete", "Patient", {}, 405),
        ("put", "Condition/1", {}, 405),
        ("post", "Observation", {}, 405),
        ("get", "Patient", {"Accept": "application/fhir+xml"}, 406),
        ("get", "Patient?_format=xml", {}, 406),
        ("get", "Patient", {"Accept": "application/fhir+json; fhirVersion=3.0"}, 406),
        ("post", "Patient", {"Content-Type": "application/fhir+xml"}, 415),
        ("post", "Patient/_search", {"Content-Type": "application/json"}, 415),
        ("post", "Patient", {"Idempotency-Key": "ä"}, 400),
    ],
)
def test_errors_are_operation_outcomes(
    method: str, path: str, headers: dict[str, str], status: int, fhir: Fhir
) -> None:
    kind = headers.pop("Content-Type", "application/fhir+json")
    call = getattr(fhir.client, method)
    data = None if method == "get" else "{}"
    extra = {} if method == "get" else {"content_type": kind}
    answer = call(f"{BASE}/{path}", data, headers=headers, **extra)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/fhir+json")
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert body["issue"][0]["diagnostics"]


def test_json_is_what_is_spoken_however_it_is_asked_for(fhir: Fhir) -> None:
    for wanted in (
        "application/fhir+json",
        "application/json;q=0.9, text/html",
        "*/*",
        "application/fhir+json; fhirVersion=4.0",
    ):
        assert fhir.raw("Patient", Accept=wanted).status_code == 200, wanted
    for wanted in ("json", "application/fhir%2Bjson", "application/fhir+json", "text/json"):
        assert fhir.get(f"Patient?_format={wanted}", Accept="text/html")


def test_too_many_requests_and_failures_of_ours_speak_fhir_too(
    settings: Any, plain: Client, doctor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.force_login(doctor, backend="django.contrib.auth.backends.ModelBackend")

    def broken(*args: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("fhir.api.views.searchset", broken)
        failed = plain.get(f"{BASE}/Patient")
    assert (failed.status_code, code_of(failed.json())) == (500, "exception")
    settings.RATE_PER_ADDRESS = "1/hour"
    plain.get(f"{BASE}/metadata")
    limited = plain.get(f"{BASE}/metadata")
    assert (limited.status_code, code_of(json.loads(limited.content))) == (429, "throttled")
    assert limited["Retry-After"]


def test_the_capability_statement_names_what_routes_answer(fhir: Fhir, file: File) -> None:
    (rest,) = fhir.get("metadata")["rest"]
    stated = {each["type"]: each for each in rest["resource"]}
    assert set(stated) == {*TYPES, "Binary"}
    for name, each in stated.items():
        codes = {one["code"] for one in each["interaction"]}
        searchable = fhir.raw(f"{name}?_summary=count").status_code == 200
        assert searchable == ("search-type" in codes), name
        created = fhir.send("post", name, {}).status_code
        assert (created == 400) == ("create" in codes), name
        for param in each.get("searchParam", []):
            value = "2020" if param["type"] == "date" else "x"
            query = f"{name}?{param['name']}={value}"
            assert fhir.raw(query, Prefer="handling=strict").status_code == 200, query
