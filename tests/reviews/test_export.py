"""Reviewed readings as training data: what training needs, and nothing that says whose they are."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from PIL import Image

from accounts.models import User
from audit.models import Event
from inference import runs
from inference.models import Analysis
from inference.reviews.services import review
from inference.services import queue_analysis, upload_and_analyse
from inference.training.sources import SliceRecord, load
from patients.models import Patient
from patients.services import create_patient
from scans.decoding import decode
from tests.samples import sample

SQUARE = [[[99.5, 99.5], [179.5, 99.5], [179.5, 159.5], [99.5, 159.5]]]


def read(user: User, patient: Patient, kind: str) -> Analysis:
    file = SimpleUploadedFile(kind, sample(kind).read_bytes())
    analysis = upload_and_analyse(user=user, patient=patient, file=file)
    runs.run(analysis.id)
    analysis.refresh_from_db()
    return analysis


def export(folder: Path) -> list[dict[str, Any]]:
    call_command("export_training_data", str(folder), stdout=StringIO())
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def as_record(row: dict[str, Any], folder: Path) -> SliceRecord:
    return SliceRecord(
        source="clinic",
        index=-1,
        plane="",
        slice_split="train",
        **{**row, "fold": int(row["fold"])},
    )


def test_training_reads_what_was_exported(done: Analysis, doctor: User, tmp_path: Path) -> None:
    review(user=doctor, analysis=done, decision="corrected", label="pituitary", outline=SQUARE)
    (row,) = export(tmp_path / "out")
    assert row["label"] == "pituitary"
    assert 0 <= int(row["fold"]) < 5
    pixels, mask = load(tmp_path / "out", as_record(row, tmp_path))
    assert (pixels == decode(sample("glioma").read_bytes()).pixels).all()
    assert mask.sum() == 80 * 60
    assert mask[100:160, 100:180].all()


def test_the_models_outline_where_it_was_signed_and_none_where_there_is_none(
    done: Analysis, doctor: User, patient: Patient, tmp_path: Path
) -> None:
    review(user=doctor, analysis=done, decision="signed")
    review(user=doctor, analysis=read(doctor, patient, "no_tumor"), decision="signed")
    rows = {row["label"]: row for row in export(tmp_path / "out")}
    assert rows["no_tumor"]["mask"] == ""
    exported = Image.open(tmp_path / "out" / rows["glioma"]["mask"])
    assert (np.asarray(exported) == np.asarray(Image.open(done.mask.path))).all()
    assert rows["no_tumor"]["patient"] == rows["glioma"]["patient"]
    assert rows["no_tumor"]["fold"] == rows["glioma"]["fold"]


def test_only_what_doctors_answered_and_each_slice_once(
    done: Analysis, doctor: User, patient: Patient, tmp_path: Path
) -> None:
    review(user=doctor, analysis=done, decision="signed")
    review(user=doctor, analysis=done, decision="corrected", outline=SQUARE, supersedes=1)
    again = queue_analysis(user=doctor, scan=done.scan)
    runs.run(again.id)
    again.refresh_from_db()
    review(user=doctor, analysis=again, decision="corrected", label="meningioma")
    review(
        user=doctor, analysis=read(doctor, patient, "pituitary"), decision="rejected", reason="x"
    )
    read(doctor, patient, "meningioma")
    (row,) = export(tmp_path / "out")
    assert row["label"] == "meningioma"


def test_nothing_says_whose_it_is(
    doctor: User, other_doctor: User, patient: Patient, tmp_path: Path
) -> None:
    other = create_patient(user=other_doctor, family_name="Nasser")
    analyses = [read(doctor, patient, "dicom"), read(other_doctor, other, "glioma")]
    for analysis, user in zip(analyses, (doctor, other_doctor), strict=True):
        review(user=user, analysis=analysis, decision="corrected", outline=SQUARE, label="glioma")
    rows = export(tmp_path / "out")
    assert len({row["patient"] for row in rows}) == 2
    everything = b"".join(p.read_bytes() for p in sorted((tmp_path / "out").rglob("*.*")))
    everything += str(sorted((tmp_path / "out").rglob("*"))).encode()
    secret = [patient.family_name, "Nasser", doctor.email]
    for analysis in analyses:
        series = analysis.scan.series
        secret += [str(analysis.id), str(analysis.scan_id), str(analysis.scan.patient_id)]
        secret += [analysis.scan.patient_id.hex, series.uid, analysis.scan.instance_uid]
    assert not [word for word in secret if word.encode() in everything]
    for picture in (tmp_path / "out").rglob("*.png"):
        assert not Image.open(picture).info
    # The same patient is the same in the next export, so that sets can be joined; slices are not.
    later = export(tmp_path / "later")
    assert {row["patient"] for row in later} == {row["patient"] for row in rows}
    assert not {row["image"] for row in later} & {row["image"] for row in rows}


def test_it_is_written_down_in_each_patients_trail(
    done: Analysis, doctor: User, tmp_path: Path
) -> None:
    review(user=doctor, analysis=done, decision="signed")
    export(tmp_path / "out")
    event = Event.objects.get(action="training.export")
    assert event.patient_id == done.scan.patient_id
    assert event.details == {"readings": 1}


def test_a_folder_with_something_in_it_is_left_alone(db: None, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_training_data", str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
