"""Reports: what stands on the pages, in both languages, and that it can be read out of them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pypdf
import pypdfium2
import pytest
from rest_framework.serializers import ChoiceField
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis, Review
from inference.services import cancel, queue_analysis
from patients.history import kinds
from patients.history.services import mark_as_error, write
from patients.models import HistoryEntry, Patient
from reports.pdf import file_report, scan_report
from reports.words import WORDING, Language, words
from tests.reports.conftest import (
    MADE_AT,
    MEASUREMENTS,
    add_reading,
    add_scan,
    text_of,
)

Kind = HistoryEntry.Kind
Report = Callable[..., str]


@pytest.fixture
def report(as_doctor: APIClient) -> Report:
    def fetch(analysis: Analysis, language: str = "en") -> str:
        url = f"/api/v1/scans/{analysis.scan_id}/report.pdf?language={language}"
        answer = as_doctor.get(url)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        return text_of(answer.content)

    return fetch


def test_english_report_says_who_what_and_how_sure(report: Report, reading: Analysis) -> None:
    said = report(reading)
    for expected in (
        "Haddad, Rana",
        "1980-02-29",
        "H-17 (Cedars Hospital)",
        "female",
        "Most likely of four: Glioma",
        "86 %",
        "<1 %",
        "1351",
        "49.2",
        "Millimetres are not given",
        "Decision support for clinicians, not a diagnosis.",
        "2026.11",
        "Dr. Khoury",
        "Page 1 of",
        str(reading.pk),
    ):
        assert expected in said
    assert {"رنا", "حداد"} <= set(said.split())


def test_arabic_report_says_the_same(report: Report, reading: Analysis) -> None:
    said = report(reading, "ar")
    for expected in (
        "رنا حداد",
        "1980-02-29",
        "أنثى",
        "الأرجح من بين أربعة احتمالات: ورم دبقي",
        "1351",
        "أوافق على القراءة",
        "أداة لدعم قرار الأطباء، وليست تشخيصا.",
        "لم تذكر القياسات بالمليمتر",
    ):
        assert expected in said


def test_languages_have_the_same_words() -> None:
    def keys(table: dict[str, object], path: str = "") -> set[str]:
        return {
            found
            for key, value in table.items()
            for found in (keys(value, f"{path}{key}.") if isinstance(value, dict) else {path + key})
        }

    assert {Path(file).stem for file in WORDING.iterdir()} == set(Language)
    assert keys(words(Language.ENGLISH)) == keys(words(Language.ARABIC))
    assert len(words(Language.ENGLISH)["limits"]) == len(words(Language.ARABIC)["limits"])


def test_another_language_is_refused(as_doctor: APIClient, reading: Analysis) -> None:
    answer = as_doctor.get(f"/api/v1/scans/{reading.scan_id}/report.pdf?language=fr")
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid_choice", "language")


def test_millimetres_only_where_they_are_real(report: Report, reading: Analysis) -> None:
    reading.measurements = MEASUREMENTS | {
        "area_mm2": 330.5,
        "longest_diameter_mm": 24.3,
        "perpendicular_diameter_mm": 20.1,
    }
    reading.save()
    said = report(reading)
    assert "24.3" in said
    assert "Millimetres are not given" not in said


def test_unsigned_is_preliminary_and_signed_is_not(report: Report, reading: Analysis) -> None:
    assert "PRELIMINARY" in report(reading)
    decide(reading, Review.Decision.SIGNED, label="glioma")
    said = report(reading)
    assert "PRELIMINARY" not in said
    assert "Signed by a doctor" in said
    assert "Dr. Rami Khoury" in said


def test_correction_says_what_the_doctor_says_and_what_the_models_said(
    report: Report, reading: Analysis
) -> None:
    decide(reading, Review.Decision.CORRECTED, label="meningioma", comment="Dural tail.")
    said = report(reading)
    assert "Corrected and signed by a doctor" in said
    assert "The doctor's answer Meningioma" in said
    assert "Most likely of four: Glioma" in said
    assert "Dural tail." in said


def test_rejection_says_why(report: Report, reading: Analysis) -> None:
    decide(reading, Review.Decision.REJECTED, reason="Motion artefacts")
    said = report(reading)
    assert "Rejected by a doctor" in said
    assert "Motion artefacts" in said


def decide(reading: Analysis, decision: str, **fields: str) -> None:
    Review.objects.create(
        analysis=reading,
        version=1,
        decision=decision,
        outline=Review.Outline.NONE,
        reviewer_name="Dr. Rami Khoury",
        **fields,
    )


def test_unread_slice_says_so(doctor: User, rana: Patient) -> None:
    scan = add_scan(rana, doctor)
    assert "has not been read" in text_of(english(doctor, scan))
    queued = queue_analysis(user=doctor, scan=scan)
    assert "waiting to be read" in text_of(english(doctor, scan))
    cancel(analysis=queued)
    assert "was cancelled" in text_of(english(doctor, scan))


def test_cautions_are_in_the_language_of_the_report(report: Report, reading: Analysis) -> None:
    reading.reasons = [
        {"code": "unsure", "message": "The class is uncertain."},
        {"code": "class_mask_disagree", "message": "They disagree."},
        {"code": "of_tomorrow", "message": "Something new."},
    ]
    reading.save()
    said = report(reading, "ar")
    assert "التصنيف غير مؤكد: ورم دبقي أو لم يعثر على ورم" in said
    assert "ولكن تعذر رسم حدوده" in said
    assert "Something new." in said


def test_possible_classes_side_and_worth_of_the_outline_are_told(
    report: Report, reading: Analysis
) -> None:
    reading.possible_labels = ["glioma", "no_tumor", "meningioma"]
    reading.reasons = [
        {"code": "unsure", "message": "…"},
        {"code": "poor_outline", "message": "…"},
    ]
    reading.measurements = MEASUREMENTS | {
        "side_picture": "left",
        "side_patient": "right",
        "expected_dice": 0.53,
    }
    reading.save()
    said = report(reading)
    assert "Glioma, No tumour found or Meningioma, the likeliest first" in said
    assert "likely to be a poor one" in said
    assert "The patient's right" in said
    assert "0.53" in said
    assert "…" not in said + report(reading, "ar")
    reading.measurements["side_patient"] = None
    reading.save()
    said = report(reading)
    assert "The patient's" not in said
    assert "Left in the picture" in said


def test_lost_picture_costs_the_picture_only(report: Report, reading: Analysis) -> None:
    Path(reading.overlay.path).unlink()
    said = report(reading)
    assert "The slice as uploaded" in said
    assert "With the outline" not in said


def test_whole_file_has_every_slice_and_the_history(
    as_doctor: APIClient, doctor: User, reading: Analysis, rana: Patient
) -> None:
    add_reading(add_scan(rana, doctor), doctor, label="no_tumor", measurements=None)
    answer = as_doctor.get(f"/api/v1/patients/{rana.pk}/report.pdf")
    said = text_of(answer.content)
    assert "Patient's file" in said
    assert "Slice 1" in said
    assert "Slice 2" in said
    assert "At least one reading in this report has not been signed" in said


@pytest.fixture
def history(rana: Patient, doctor: User) -> None:
    for kind, data in (
        (Kind.CONDITION, {"code": "C71.1", "clinical_status": "active", "comment": "Since May."}),
        (Kind.ALLERGY, {"substance": "Gadolinium", "severity": "severe"}),
        (Kind.MEDICATION, {"name": "Levetiracetam", "dose": "500 mg", "status": "stopped"}),
        (Kind.VITALS, {"systolic_mmhg": 131, "diastolic_mmhg": 82, "weight_kg": 63.5}),
        (Kind.NOTE, {"text": "First line\nsecond line"}),
    ):
        write(patient=rana, kind=kind, data=data, occurred_at=MADE_AT, author=doctor)


@pytest.mark.usefixtures("history")
def test_history_is_told_by_kind_in_both_languages(doctor: User, rana: Patient) -> None:
    expected = {
        Language.ENGLISH: {"Conditions", "Allergies", "severe", "stopped", "Weight", "Since May."},
        Language.ARABIC: {"التشخيصات", "الحساسية", "شديد", "متوقف", "الوزن"},
    }
    for language, words_of_it in expected.items():
        said = text_of(file_report(doctor, rana, language=language, made_at=MADE_AT))
        for word in words_of_it | {"C71.1", "Gadolinium", "500 mg", "63.5", "second line"}:
            assert word in said


@pytest.mark.usefixtures("history")
def test_what_was_entered_in_error_is_not_in_the_report(doctor: User, rana: Patient) -> None:
    entry = rana.history.get(kind=Kind.ALLERGY)
    mark_as_error(entry=entry, author=doctor, reason="Another patient's")
    said = text_of(file_report(doctor, rana, language=Language.ENGLISH, made_at=MADE_AT))
    assert "Gadolinium" not in said
    assert "C71.1" in said


@pytest.mark.parametrize("language", Language)
def test_every_kind_and_choice_has_a_word(language: Language) -> None:
    word = words(language)
    assert set(word["kinds"]) == set(Kind.values)
    for data in kinds.KINDS.values():
        for name, field in data().fields.items():
            if isinstance(field, ChoiceField):
                assert name in word["fields"]
                assert set(field.choices) <= set(word["values"])


def test_what_is_left_out_is_said(
    doctor: User, reading: Analysis, rana: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scan(rana, doctor)
    monkeypatch.setattr("reports.document.MOST_SCANS", 1)
    pdf = file_report(doctor, rana, language=Language.ENGLISH, made_at=MADE_AT)
    said = text_of(pdf)
    assert "The 1 newest of 2 slices are shown" in said
    assert "Slice 2" not in said


def test_same_data_and_time_give_the_same_bytes(doctor: User, reading: Analysis) -> None:
    assert english(doctor, reading.scan) == english(doctor, reading.scan)


def test_pages_are_an_accessible_archive(doctor: User, reading: Analysis) -> None:
    document = pypdf.PdfReader(BytesIO(english(doctor, reading.scan)))
    assert str(document.root_object["/Lang"]).startswith("en")
    assert document.root_object.raw_get("/MarkInfo")["/Marked"]
    assert document.metadata is not None
    assert document.metadata.title == "Brain MRI: report on one slice"
    described = document.xmp_metadata
    assert described is not None
    xml = described.stream.get_data()
    assert b"pdfaid" in xml
    assert b"pdfuaid" in xml


def test_arabic_lines_begin_at_the_right(doctor: User, reading: Analysis) -> None:
    pdf = scan_report(doctor, reading.scan, language=Language.ARABIC, made_at=MADE_AT)
    page = pypdfium2.PdfDocument(pdf)[0]
    textpage = page.get_textpage()
    found = textpage.search("الأرجح").get_next()
    assert found is not None
    _, _, right, _ = textpage.get_charbox(found[0])
    assert right > page.get_width() * 0.8


def english(user: User, scan: object) -> bytes:
    return scan_report(user, scan, language=Language.ENGLISH, made_at=MADE_AT)  # type: ignore[arg-type]
