"""What we say in FHIR, judged by four validators of others: none of them sees everything."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from jsonschema import Draft6Validator  # type: ignore[import-untyped]
from rest_framework.test import APIClient

from accounts.models import User
from fhir.models import Subscriber
from fhir.push.bundle import transaction_bundle
from fhir.sources.readings import analyses, series_analyses
from fhir.table import TYPES
from inference.models import Analysis
from inference.reviews.services import review
from patients.merge import merge
from patients.models import Patient
from patients.services import create_patient
from tests.fhir.make import BASE, File, decide, fill, series_of

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "var" / "peers" / "node_modules"
SCHEMA = MODULES / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
NODE = Path(__file__).with_name("fhir_validate.js")
MODELS = Path(__file__).with_name("fhir_validate.py")
Body = dict[str, Any]


@pytest.fixture
def file(done: Analysis, doctor: User) -> File:
    return fill(done, doctor)


@pytest.fixture
def get(api: Callable[[User | None], APIClient], admin: User) -> Callable[[str], Body]:
    """Return a function that asks as an admin, who sees the audit too."""
    client = api(admin)

    def ask(path: str) -> Body:
        return client.get(path if path.startswith("http") else f"{BASE}/{path}").json()

    return ask


def test_all_that_is_read_and_searched(
    get: Callable[[str], Body], file: File, doctor: User, admin: User
) -> None:
    odd(file, doctor, admin)
    said = [get("metadata"), get(f"Device/{file.analysis.release}")]
    for name, each in TYPES.items():
        if not each.sources:
            continue
        includes = "".join(f"&_include={name}:{include}" for include in each.includes)
        bundle = get(f"{name}?_count=200&_total=accurate&colour=blue{includes}")
        assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} >= {name}
        said += [bundle, get(f"{name}?_id=nothing"), get(f"{name}?_summary=count")]
    said.append(get(f"Patient/{file.patient.pk}/$everything?_count=7"))
    said.append(get(f"Patient?_revinclude=Condition:patient&_id={file.patient.pk}"))
    assert {"MedicationStatement", "AuditEvent", "Practitioner"} <= {
        entry["resource"]["resourceType"] for body in said for entry in body.get("entry", [])
    }
    judge(said)


def test_all_that_is_refused(get: Callable[[str], Body], file: File) -> None:
    paths = ("Patient/nobody", "Nothing", "Patient?birthdate=x", "Patient?_format=xml", "a/b/c")
    said = [get(path) for path in paths]
    assert {body["resourceType"] for body in said} == {"OperationOutcome"}
    judge(said)


def test_all_that_is_sent(file: File, doctor: User) -> None:
    subscriber = Subscriber(name="EHR", base_url="https://ehr.example/fhir", issuer="1.2.40.0.10")
    said = []
    for decision, label in (("confirmed", "glioma"), ("corrected", "no_tumor"), ("rejected", "")):
        decide(file.series_analysis, doctor, decision, label)
        for subscriber.patients in Subscriber.Patients.values:
            report = series_analyses().get(pk=file.series_analysis.pk)
            said.append(transaction_bundle(report, subscriber))
    review(user=doctor, analysis=file.analysis, decision="signed")
    said.append(transaction_bundle(analyses().get(pk=file.analysis.pk), subscriber))
    judge(said)


def odd(file: File, doctor: User, admin: User) -> None:
    """Readings of every status, a file that took another one up, a file with nothing in it."""
    for status in ("queued", "running", "failed", "cancelled"):
        _, analysis = series_of(file.patient)
        type(analysis).objects.filter(pk=analysis.pk).update(
            status=status, label="", probabilities=None, measurements=None, release=""
        )
    for decision, label in (("confirmed", "glioma"), ("corrected", "no_tumor"), ("rejected", "")):
        decide(series_of(file.patient)[1], doctor, decision, label)
    decide(
        series_of(file.patient, volume_ml=None, area_mm2=None)[1], None, "corrected", "pituitary"
    )
    _, nothing = series_of(file.patient)
    type(nothing).objects.filter(pk=nothing.pk).update(label="no_tumor", measurements=None)
    twin = create_patient(user=doctor, family_name="حداد", family_name_arabic="حداد")
    merge(user=admin, kept_id=file.patient.pk, absorbed_id=twin.pk, reason="The same person.")
    bare = create_patient(user=doctor, family_name="\u00a0x", age_years=40)
    Patient.objects.filter(pk=bare.pk).update(address=" ", updated_at=timezone.now())


def judge(said: list[Body]) -> None:
    everything = [part for body in said for part in parts(body)]
    problems = [
        *nothing_empty(said, "$"),
        *by_program(["node", str(NODE), str(MODULES)], said),
        *by_program([sys.executable, "-I", str(MODELS)], everything),
        *(problem for part in everything for problem in by_schema(part)),
    ]
    assert not problems, "\n".join(dict.fromkeys(problems))


def nothing_empty(value: Any, path: str) -> Iterator[str]:
    """Empty arrays, objects and texts, which no validator catches."""
    if value is None or value in ("", [], {}):
        yield f"empty: {path}"
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in items:
        yield from nothing_empty(inner, f"{path}.{name}")


def by_program(command: list[str], said: list[Body]) -> list[str]:
    ran = subprocess.run(
        command, input=json.dumps(said), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


@cache
def schema() -> Body:
    return json.loads(SCHEMA.read_text())


@cache
def validator(kind: str) -> Draft6Validator:
    definitions = schema()["definitions"]
    return Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions})


def parts(body: Body) -> Iterator[Body]:
    """A resource, and those in a Bundle each for itself: as one of all types errors say nothing."""
    for entry in body.get("entry", []):
        if "resource" in entry:
            yield from parts(entry["resource"])
    entries = [{k: v for k, v in e.items() if k != "resource"} for e in body.get("entry", [])]
    yield body | ({"entry": entries} if entries else {})


def by_schema(part: Body) -> Iterator[str]:
    alone = {name: value for name, value in part.items() if name != "contained"}
    for each in [alone, *part.get("contained", [])]:
        kind = each["resourceType"]
        for error in validator(kind).iter_errors(each):
            yield f"schema: {kind}: {error.json_path}: {error.message[:200]}"
