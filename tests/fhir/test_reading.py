"""Reading resources: everything in the file, in FHIR's words."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from fhir.table import TYPES
from inference.reviews.services import review
from tests.fhir.conftest import Fhir
from tests.fhir.make import BASE, File, decide, series_of

EXPECTED = {
    "Patient": 1,
    "ImagingStudy": 2,
    "DiagnosticReport": 2,
    "Observation": 1 + 5 + 9 - 1 + 1 + 3,
    "Condition": 3,
    "AllergyIntolerance": 3,
    "MedicationStatement": 3,
    "Procedure": 2,
    "FamilyMemberHistory": 2,
    "DocumentReference": 2,
}


def test_everything_that_a_search_finds_can_be_read(fhir: Fhir, file: File) -> None:
    for name, count in EXPECTED.items():
        bundle = fhir.get(f"{name}?_total=accurate")
        assert len(bundle["entry"]) == bundle["total"] == count, name
        for entry in bundle["entry"]:
            assert entry["fullUrl"] == f"{BASE}/{name}/{entry['resource']['id']}"
            assert fhir.get(f"{name}/{entry['resource']['id']}") == entry["resource"]


def test_a_patient_says_who_it_is(fhir: Fhir, file: File) -> None:
    body = fhir.get(f"Patient/{file.patient.pk}")
    systems = {each["value"]: each["system"] for each in body["identifier"]}
    assert systems["991"] == "urn:oid:1.2.40.0.10"
    assert systems["A|B,C$D"] == "https://insurer.example/members"
    assert systems["H 17/ä"].startswith("urn:falx:issuer:%D9%85")
    latin, arabic = body["name"]
    assert (latin["family"], latin["given"]) == ('O\'Haddad-"Müller"', ["Rana Émilie"])
    assert (arabic["family"], arabic["extension"][0]["valueCode"]) == ("حدّاد", "ar")
    assert body["birthDate"] == "1980-02-29"
    assert body["contact"][0]["relationship"][0]["text"] == "brother"
    assert "notes" not in str(body)
    assert "Kept from FHIR" not in str(body)


def test_a_reading_of_a_series_is_a_report_with_its_measurements(fhir: Fhir, file: File) -> None:
    body = fhir.get(f"DiagnosticReport/{file.series_analysis.pk}")
    assert body["status"] == "preliminary"
    assert body["imagingStudy"] == [{"reference": f"ImagingStudy/{file.study.pk}"}]
    assert body["conclusion"] == "Glioma\nSlices are missing."
    results = [fhir.get(each["reference"]) for each in body["result"]]
    values = {
        each["id"].partition(".")[2]: (
            each["valueQuantity"]["value"],
            each["valueQuantity"]["code"],
        )
        for each in results[1:]
    }
    assert values == {
        "long-axis": (38.2, "mm"),
        "short-axis": (24.9, "mm"),
        "area": (714.6, "mm2"),
        "volume": (17.25, "mL"),
    }
    assert results[0]["component"][0]["valueQuantity"]["value"] == 0.91
    assert fhir.get(results[0]["device"]["reference"])["version"] == [{"value": "2026.11"}]


def test_the_side_is_told_where_it_is_known(fhir: Fhir, file: File) -> None:
    def laterality() -> list[str]:
        body = fhir.get(f"Observation/{file.series_analysis.pk}.label")
        return [
            one["valueCodeableConcept"]["coding"][0]["code"]
            for one in body["component"]
            if one["code"]["coding"][0]["code"] == "272741003"
        ]

    assert laterality() == []
    for side, code in (("left", "7771000"), ("right", "24028007"), ("middle", "130290")):
        told = (file.series_analysis.measurements or {}) | {"side_patient": side}
        file.series_analysis.measurements = told
        file.series_analysis.save()
        assert laterality() == [code]


def test_no_millimetres_without_spacing(fhir: Fhir, file: File) -> None:
    body = fhir.get(f"DiagnosticReport/{file.analysis.pk}")
    assert [each["reference"] for each in body["result"]] == [
        f"Observation/{file.analysis.pk}.label"
    ]
    assert f"{file.analysis.pk}.area" not in str(fhir.get("Observation?_count=200"))


def test_a_doctor_s_decision_is_the_status(fhir: Fhir, file: File, doctor: User) -> None:
    report = f"DiagnosticReport/{file.series_analysis.pk}"
    etags = {fhir.raw(report)["ETag"]}
    for decision, label, status in (
        ("confirmed", "glioma", "final"),
        ("corrected", "meningioma", "corrected"),
        ("rejected", "", "entered-in-error"),
    ):
        decide(file.series_analysis, doctor, decision, label)
        body = fhir.get(report)
        assert body["status"] == status
        assert body["resultsInterpreter"][0]["reference"] == f"Practitioner/{doctor.pk}"
        found = fhir.get(f"DiagnosticReport?status={status}")["entry"]
        assert [entry["resource"]["id"] for entry in found] == [str(file.series_analysis.pk)]
        assert fhir.get(f"Observation/{file.series_analysis.pk}.volume")["status"] == status
        etags.add(fhir.raw(report)["ETag"])
    assert len(etags) == 4


def test_what_a_doctor_takes_away_was_in_error(fhir: Fhir, file: File, doctor: User) -> None:
    decide(file.series_analysis, doctor, "corrected", "no_tumor")
    report = fhir.get(f"DiagnosticReport/{file.series_analysis.pk}")
    assert (report["status"], report["conclusionCode"][0]["text"]) == (
        "corrected",
        "No tumour found",
    )
    assert fhir.get(f"Observation/{file.series_analysis.pk}.label")["status"] == "corrected"
    assert fhir.get(f"Observation/{file.series_analysis.pk}.volume")["status"] == "entered-in-error"


def test_a_signed_slice_is_final(fhir: Fhir, file: File, doctor: User) -> None:
    review(user=doctor, analysis=file.analysis, decision="signed")
    assert fhir.get(f"DiagnosticReport/{file.analysis.pk}")["status"] == "final"
    printed = fhir.get(f"DocumentReference/{file.analysis.pk}")
    assert printed["docStatus"] == "final"


def test_a_study_names_its_series_instances_and_where_they_are(fhir: Fhir, file: File) -> None:
    body = fhir.get(f"ImagingStudy/{file.study.pk}")
    assert body["contained"][0]["address"] == "http://testserver/dicomweb"
    assert (body["numberOfSeries"], body["numberOfInstances"]) == (2, 4)
    of_ours, sent = body["series"]
    assert "number" not in of_ours
    assert [each["number"] for each in sent["instance"]] == [1, 2, 3]
    slice_study = fhir.get(f"ImagingStudy/{file.analysis.scan.series.study_id}")
    assert slice_study["numberOfInstances"] == 1
    assert "endpoint" not in slice_study


def test_files_are_binaries_as_they_are_or_in_json(fhir: Fhir, file: File) -> None:
    document = fhir.get(f"DocumentReference/{file.attachment.pk}")
    url = document["content"][0]["attachment"]["url"]
    raw = fhir.raw(url, Accept="image/jpeg")
    assert (raw["Content-Type"], raw.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert fhir.get(url, Accept="application/fhir+json")["contentType"] == "image/jpeg"


def test_nothing_is_answered_again_that_did_not_change(fhir: Fhir, file: File) -> None:
    first = fhir.raw(f"Patient/{file.patient.pk}")
    assert first["ETag"].startswith('W/"')
    assert first["Last-Modified"]
    again = fhir.raw(f"Patient/{file.patient.pk}", **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pages_cost_the_same_however_much_is_on_them(fhir: Fhir, file: File) -> None:
    queries = [
        f"{name}?_count=200" + "".join(f"&_include={name}:{each}" for each in of.includes)
        for name, of in TYPES.items()
        if of.sources
    ]
    few = [cost(fhir, query) for query in queries]
    for _ in range(3):
        series_of(file.patient)
    many = [cost(fhir, query) for query in queries]
    assert dict(zip(queries, many, strict=True)) == dict(zip(queries, few, strict=True))


def cost(fhir: Fhir, query: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        fhir.get(query)
    return len(captured)
