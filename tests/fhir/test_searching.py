"""Searching: what parameters mean, pages, what comes along, and what cannot be asked."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Event
from fhir.search.values import PREFIXES, BadValue, alternatives, parse_date, parse_token, unescaped
from patients.history.services import write
from patients.models import Patient
from patients.services import create_patient
from tests.fhir.conftest import Fhir
from tests.fhir.make import BASE, File, Kind

OURS = "urn:falx:issuer:" + quote("مستشفى الجامعة & Söhne", safe="")


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode]


PATIENTS = [
    (f"identifier={quote(OURS)}|h%2017/A%CC%88", True),
    ("identifier=urn:oid:1.2.40.0.10|991", True),
    ("identifier=urn:oid:1.2.40.0.11|991", False),
    ("identifier=991", True),
    ("identifier=|991", False),
    ("identifier=nope,urn:oid:1.2.40.0.10|", True),
    (r"identifier=https://insurer.example/members|A\|B\,C\$D", True),
    ("name=emilie", True),
    ("name=o%27HADDAD", True),
    ("name=ullr", False),
    ("name=حداد", True),
    ("family=o'haddad", True),
    ("family:contains=HADDAD", True),
    ("family:exact=O'Haddad-%22M%C3%BCller%22", True),
    ("family:exact=o'haddad", False),
    ("given=رنا", True),
    ("birthdate=1980-02-29", True),
    ("birthdate=1980", True),
    ("birthdate=ge1980-02-29", True),
    ("birthdate=gt1980-02-29", False),
    ("birthdate=lt1980-03", True),
    ("birthdate=sa1980-02-28", True),
    ("birthdate=eb1980-03-01", True),
    ("birthdate=ne1980-02", False),
    ("birthdate=ap1980", True),
    ("birthdate=ge1980-02&birthdate=le1980-02", True),
    ("gender=female", True),
    ("gender=male,other", False),
    ("gender=http://hl7.org/fhir/administrative-gender|female", True),
    ("gender=nope|female", False),
    ("phone=%2B49 151 0000", True),
    ("active=true", True),
    ("active=false", False),
    ("_lastUpdated=gt2020-01-01", True),
    ("_lastUpdated=lt2020", False),
]


def test_patients_are_found(fhir: Fhir, file: File) -> None:
    for query, found in PATIENTS:
        expected = [str(file.patient.pk)] if found else []
        assert ids(fhir.get(f"Patient?{query}")) == expected, query


IN_FILES = [
    ("Observation?code=http://loinc.org|8867-4", 2),
    ("Observation?code=8867-4,http://loinc.org|8310-5", 3),
    ("Observation?category=laboratory", 3),
    ("Observation?category=imaging&status=preliminary", 6),
    ("Observation?code=http://snomed.info/sct|118565006", 1),
    ("Observation?date=2021&category=vital-signs", 7),
    ("Condition?code=http://hl7.org/fhir/sid/icd-10|C71.1", 1),
    ("Condition?clinical-status=active", 1),
    ("Condition?verification-status=entered-in-error", 1),
    ("Condition?onset-date=2021-01-01", 0),
    ("Condition?onset-date=2021-01", 1),
    ("Condition?onset-date=gt2021-01-15", 3),
    ("MedicationStatement?status=on-hold", 1),
    ("MedicationStatement?effective=2021", 3),
    ("MedicationStatement?effective=2021-01", 0),
    ("ImagingStudy?modality=SEG", 1),
    ("ImagingStudy?identifier=A-1", 1),
    ("ImagingStudy?started=2021-05-03", 1),
    ("ImagingStudy?started=ge2021-05-03T11:30:00%2B02:00", 1),
    ("ImagingStudy?started=gt2021-05-03T09:30:00Z", 0),
    ("DiagnosticReport?status=preliminary", 2),
    ("DiagnosticReport?status=final", 0),
    ("DiagnosticReport?code=http://loinc.org|24590-2&category=RAD", 2),
    ("DiagnosticReport?conclusion=http://snomed.info/sct|393564001", 2),
    ("DocumentReference?type=http://loinc.org|18748-4", 1),
    ("AllergyIntolerance?criticality=unable-to-assess", 1),
]


def test_things_in_files_are_found(fhir: Fhir, file: File) -> None:
    for query, count in IN_FILES:
        bundle = fhir.get(f"{query}&_total=accurate&patient={file.patient.pk}")
        assert (len(ids(bundle)), bundle["total"]) == (count, count), query
        assert fhir.get(f"{query}&_summary=count")["total"] == count, query
        assert not ids(fhir.get(f"{query}&patient=Patient/{User().pk}")), query


def test_pages_have_everything_once_whatever_comes_in_between(
    fhir: Fhir, file: File, doctor: User
) -> None:
    for name in ("Observation", "DiagnosticReport"):
        for sort in ("", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"):
            whole = ids(fhir.get(f"{name}?_count=100{sort}"))
            seen: list[str] = []
            url = f"{name}?_count=3{sort}"
            while url and len(seen) <= len(whole):
                bundle = fhir.get(url)
                assert len(ids(bundle)) <= 3
                seen += ids(bundle)
                url = next((li["url"] for li in bundle["link"] if li["relation"] == "next"), "")
                if len(seen) == 3 and sort != "&_sort=_lastUpdated":
                    pulse(file, doctor)
            assert seen == whole, (name, sort)


def pulse(file: File, doctor: User) -> None:
    """Write another thing into the file."""
    write(
        patient=file.patient,
        kind=Kind.VITALS,
        data={"pulse_bpm": 61},
        author=doctor,
        occurred_at=datetime.now(UTC),
    )


def test_next_links_say_nothing_of_what_was_posted(fhir: Fhir, doctor: User) -> None:
    for _ in range(3):
        create_patient(user=doctor, family_name="Haddad")
    answer = fhir.client.post(
        f"{BASE}/Patient/_search",
        data="family=Haddad&_count=2",
        content_type="application/x-www-form-urlencoded",
    )
    bundle = answer.json()
    (url,) = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    assert "Haddad" not in url
    assert len({*ids(bundle), *ids(fhir.get(url))}) == 3


def test_what_is_referred_to_comes_along(fhir: Fhir, file: File) -> None:
    names = ("subject", "result", "imaging-study")
    includes = "&".join(f"_include=DiagnosticReport:{name}" for name in names)
    bundle = fhir.get(f"DiagnosticReport?_id={file.series_analysis.pk}&{includes}")
    kinds = [e["resource"]["resourceType"] for e in bundle["entry"]]
    assert kinds == ["DiagnosticReport", "Patient", *["Observation"] * 5, "ImagingStudy"]
    back = fhir.get("Patient?_revinclude=ImagingStudy:patient&_revinclude=Procedure:subject")
    assert len(ids(back, "include")) == 4


def test_everything_of_a_patient_comes_page_by_page(fhir: Fhir, file: File) -> None:
    seen: list[str] = []
    url = f"Patient/{file.patient.pk}/$everything?_count=4"
    while url:
        bundle = fhir.get(url)
        assert len(ids(bundle)) <= 4
        seen += [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]]
        url = next((li["url"] for li in bundle["link"] if li["relation"] == "next"), "")
    assert seen[0] == f"Patient/{file.patient.pk}"
    assert len(seen) == len(set(seen)) == 1 + 2 + 2 + 18 + 3 + 3 + 3 + 2 + 2 + 2
    some = fhir.get(f"Patient/{file.patient.pk}/$everything?_type=Condition,Procedure")
    assert len(ids(some)) == 5
    none = fhir.get(f"Patient/{file.patient.pk}/$everything?_since=2100-01-01")
    assert "entry" not in none


def test_unknown_parameters_are_named_and_left_out_or_refused(fhir: Fhir, file: File) -> None:
    bundle = fhir.get("Patient?colour=blue&gender=female")
    assert bundle["link"][0]["url"] == f"{BASE}/Patient?gender=female"
    assert "colour" in bundle["entry"][-1]["resource"]["issue"][0]["diagnostics"]
    refused = fhir.get("Patient?colour=blue", 400, Prefer="handling=strict")
    assert refused["issue"][0]["details"]["coding"][0]["code"] == "not_supported"


IMPOSSIBLE = [
    "birthdate=1980-02-30",
    "birthdate=xx1980",
    "_count=x",
    "_count=-1",
    "_sort=colour",
    "_include=Patient:colour",
    "_include=x",
    "_revinclude=Nothing:patient",
    "_page=made.up",
    "identifier=|",
    "name=%00",
    "name=" + "x" * 300,
    "gender:above=x",
    "_lastUpdated=9999",
]


def test_what_cannot_be_asked_is_refused_in_fhir_s_words(fhir: Fhir) -> None:
    for query in IMPOSSIBLE:
        body = fhir.get(f"Patient?{query}", 400)
        assert body["resourceType"] == "OperationOutcome", query
    assert fhir.get("Patient?birthdate=&_id=%00,x")["type"] == "searchset"


def test_an_unknown_patient_finds_nothing_and_a_stranger_neither(
    fhir: Fhir, file: File, stranger: Patient
) -> None:
    assert not ids(fhir.get(f"Condition?patient={stranger.pk}"))
    assert not ids(fhir.get(f"Patient?_id={stranger.pk}"))
    assert not ids(fhir.get("Condition?patient=Practitioner/1"))


def test_a_page_is_one_event_in_the_patient_s_trail_where_it_is_of_one_alone(
    fhir: Fhir, file: File
) -> None:
    before = set(Event.objects.values_list("pk", flat=True))
    fhir.get(f"Condition?patient={file.patient.pk}&code=C71.1")
    fhir.get("Condition")
    alone, across = Event.objects.exclude(pk__in=before).order_by("at")
    assert (alone.action, alone.patient_id, alone.why) == (
        "fhir.condition.search",
        file.patient.pk,
        "team",
    )
    assert alone.details["search"] == ["patient", "code"]
    assert (across.patient_id, across.details["patients"]) == (None, [str(file.patient.pk)])


@given(
    st.sampled_from(["", *PREFIXES]),
    st.datetimes(datetime(1, 1, 2), datetime(9998, 12, 30)),
    st.sampled_from([4, 7, 10, 16, 19]),
)
def test_a_date_is_the_whole_of_what_was_written(
    prefix: str, moment: datetime, length: int
) -> None:
    moment = moment.replace(microsecond=0)
    read = parse_date(prefix + moment.isoformat()[:length])
    assert read.prefix == (prefix or "eq")
    assert read.low <= moment.replace(tzinfo=UTC) < read.high
    assert read.low.isoformat()[:length] == moment.isoformat()[:length]


@given(st.text() | st.from_regex(r"[a-z]{0,2}[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.Z+-]{0,20}"))
def test_any_text_is_a_date_or_a_bad_value(text: str) -> None:
    try:
        read = parse_date(text)
    except BadValue:
        return
    assert read.low < read.high


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.endswith("\\")), min_size=1))
def test_values_come_back_as_they_were_escaped(values: list[str]) -> None:
    def escaped(text: str) -> str:
        for character in "\\,|$":
            text = text.replace(character, f"\\{character}")
        return text

    parts = alternatives(",".join(map(escaped, values)))
    assert [unescaped(part) for part in parts] == values
    for part, value in zip(parts, values, strict=True):
        token = parse_token(part)
        assert (token.system, token.code) == (None, value)
