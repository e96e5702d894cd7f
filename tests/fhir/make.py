"""A patient's file with everything in it, in its oddest spelling."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import User
from inference.models import Analysis, SeriesAnalysis, SeriesReview
from patients.history.attachments import attach
from patients.history.files import check_file
from patients.history.services import mark_as_error, write
from patients.models import HistoryEntry, Patient
from patients.models.history import Precision
from patients.services import update_patient
from scans.models import Instance, Series, Study
from tests.samples import sample

BASE = "http://testserver/fhir/R4"
MR = "1.2.840.10008.5.1.4.1.1.4"
Kind = HistoryEntry.Kind
IDENTIFIERS = [
    {"kind": "medical_record", "issuer": "مستشفى الجامعة & Söhne", "value": "H 17/ä"},
    {"kind": "national_id", "issuer": "1.2.40.0.10", "value": "991"},
    {"kind": "insurance", "issuer": "https://insurer.example/members", "value": "A|B,C$D"},
    {"kind": "other", "issuer": "Clinic", "value": "٤٢"},
]
PROBABILITIES = {"glioma": 0.91, "meningioma": 0.05, "pituitary": 0.03, "no_tumor": 0.01}
SIZES = {
    "area_px": 812,
    "area_mm2": 714.6,
    "longest_diameter_mm": 38.2,
    "perpendicular_diameter_mm": 24.9,
    "volume_ml": 17.25,
    "tumor_slices": 9,
    "largest_slice": 21,
}
ENTRIES: list[tuple[Kind, dict[str, Any], Precision]] = [
    (
        Kind.CONDITION,
        {
            "code": "C71.1",
            "text": "Glioblastoma <b>&amp;</b> \u202bورم\u202c",
            "onset": "2019-05",
            "clinical_status": "recurrence",
            "verification": "confirmed",
            "comment": "Line one\nline two",
        },
        Precision.MONTH,
    ),
    (Kind.CONDITION, {"text": "Migraine", "clinical_status": "active"}, Precision.TIME),
    (
        Kind.ALLERGY,
        {
            "substance": "Gadolinium",
            "reaction": "Rash",
            "severity": "severe",
            "criticality": "unable_to_assess",
            "comment": "In 2001",
        },
        Precision.DAY,
    ),
    (Kind.ALLERGY, {"substance": "Penicillin", "severity": "mild"}, Precision.YEAR),
    (Kind.ALLERGY, {"substance": "Pollen"}, Precision.YEAR),
    (
        Kind.MEDICATION,
        {
            "name": "Dexamethasone",
            "dose": "4 mg twice a day",
            "route": "oral",
            "start": "2019",
            "end": "2020-02",
            "status": "on_hold",
            "comment": "Before meals",
        },
        Precision.YEAR,
    ),
    (Kind.MEDICATION, {"name": "Saline", "route": "other", "status": "active"}, Precision.TIME),
    (Kind.MEDICATION, {"name": "Aspirin", "status": "stopped"}, Precision.TIME),
    (
        Kind.PROCEDURE,
        {
            "text": "Craniotomy",
            "code": "OP-5",
            "outcome": "No deficit",
            "extent_of_resection": "gross_total",
            "comment": "Uneventful",
        },
        Precision.DAY,
    ),
    (Kind.PROCEDURE, {"text": "Biopsy"}, Precision.TIME),
    (
        Kind.FAMILY_HISTORY,
        {"relation": "grandmother", "condition": "Stroke", "comment": "Aged 80"},
        Precision.TIME,
    ),
    (Kind.FAMILY_HISTORY, {"relation": "other", "condition": "Glioma"}, Precision.TIME),
    (
        Kind.VITALS,
        {
            "systolic_mmhg": 120,
            "diastolic_mmhg": 80,
            "pulse_bpm": 72,
            "temperature_c": 36.6,
            "weight_kg": 70.5,
            "height_cm": 171,
            "spo2_percent": 98,
            "karnofsky": 90,
            "ecog": 0,
            "comment": "Sitting",
        },
        Precision.TIME,
    ),
    (Kind.VITALS, {"pulse_bpm": 60}, Precision.DAY),
    (
        Kind.LABORATORY,
        {
            "name": "Na",
            "value": 140.5,
            "unit": "mmol/L",
            "reference_low": 135,
            "reference_high": 145,
        },
        Precision.TIME,
    ),
    (Kind.LABORATORY, {"name": "CRP", "value_text": "<0.5"}, Precision.DAY),
    (Kind.LABORATORY, {"name": "pH", "value": 7.4, "reference_low": 7.35}, Precision.DAY),
    (Kind.NOTE, {"text": "Seen."}, Precision.TIME),
]


@dataclass(frozen=True)
class File:
    patient: Patient
    analysis: Analysis
    series_analysis: SeriesAnalysis
    study: Study
    attachment: HistoryEntry
    entries: list[HistoryEntry]


def fill(done: Analysis, doctor: User) -> File:
    """Put everything into the file that `done` is in."""
    patient = update_patient(
        user=doctor,
        patient=done.scan.patient,
        identifiers=IDENTIFIERS,
        family_name='O\'Haddad-"Müller"',
        given_name="Rana Émilie",
        family_name_arabic="حدّاد",
        given_name_arabic="رنا",
        birth_date=date(1980, 2, 29),
        phone="+49 151 0000",
        email="rana@example.org",
        address="Hauptstraße 1\n10115 Berlin",
        emergency_contact_name="Sami حداد",
        emergency_contact_relation="brother",
        emergency_contact_phone="112",
        notes="Kept from FHIR",
        handedness="left",
    )
    when = datetime(2021, 5, 3, 10, 0, tzinfo=UTC)
    entries = [
        write(
            patient=patient,
            kind=kind,
            data=data,
            author=doctor,
            occurred_at=when.replace(month=1, day=1, hour=0) if precision != "time" else when,
            precision=precision,
        )
        for kind, data, precision in ENTRIES
    ]
    wrong = write(
        patient=patient,
        kind=Kind.CONDITION,
        data={"text": "Wrong", "clinical_status": "active"},
        author=None,
        occurred_at=when,
    )
    mark_as_error(entry=wrong, author=doctor, reason="Other patient.")
    study, series_analysis = series_of(patient)
    upload = SimpleUploadedFile("Brief ä.jpg", sample("glioma").read_bytes())
    attachment = attach(
        patient=patient,
        author=doctor,
        file=check_file(upload),
        text="A letter",
        occurred_at=timezone.now(),
    )
    return File(patient, done, series_analysis, study, attachment, entries)


def series_of(patient: Patient, **measured: Any) -> tuple[Study, SeriesAnalysis]:
    """A study with a series of three slices and its reading."""
    study = Study.objects.create(
        patient=patient,
        accession_number="A-1",
        description="MR Schädel",
        started_at=datetime(2021, 5, 3, 9, 30, tzinfo=UTC),
    )
    series = Series.objects.create(
        study=study,
        number=3,
        description="t1 ax",
        body_part="BRAIN",
        started_at=datetime(2021, 5, 3, 9, 45, tzinfo=UTC),
        received_at=timezone.now(),
    )
    Series.objects.create(study=study, number=-1, modality="SEG", body_part="NECK", ours=True)
    for number in (1, 2, 3):
        Instance.objects.create(
            series=series,
            uid=f"1.2.3.{series.pk.int % 10**9}.{number}",
            sop_class_uid=MR,
            number=number,
            file="nowhere.dcm",
            size_bytes=1,
            sha256="0" * 64,
        )
    Instance.objects.create(
        series=series, uid=f"1.2.4.{series.pk.int % 10**9}", file="n", size_bytes=1, sha256="1" * 64
    )
    analysis = SeriesAnalysis.objects.create(
        series=series,
        status="done",
        label="glioma",
        probabilities=PROBABILITIES,
        measurements=SIZES | measured,
        reasons=[{"code": "gap", "message": "Slices are missing."}],
        release="2026.11",
        finished_at=timezone.now(),
    )
    return study, analysis


def decide(analysis: SeriesAnalysis, doctor: User | None, decision: str, label: str = "") -> None:
    version = analysis.reviews.count() + 1
    SeriesReview.objects.create(
        analysis=analysis,
        version=version,
        decision=decision,
        label=label,
        comment="Looked at twice.",
        reviewer=doctor,
    )
