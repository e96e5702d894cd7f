"""Taking de-identified studies along, and the text in pixels that stands in the way."""

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import cv2
import numpy as np
import pydicom
import pytest
from django.core.management import CommandError, call_command
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage
from rest_framework.test import APIClient

from audit.models import Event
from dicom.deid.burned_in import shows_text
from patients.models import Patient
from scans.decoding import decode
from scans.models import Series
from scans.series.services import file_instance, settle
from tests.samples import sample
from tests.series.make import as_bytes, make_series

FLAGGED = "burned_in_text"


def slices_with(text: str) -> list[Dataset]:
    """A series of the real slice, with a line of text in the corner."""
    real = pydicom.dcmread(sample("dicom"))
    made = make_series(slices=2, rows=real.Rows, columns=real.Columns)
    for one in made:
        pixels = real.pixel_array.astype(np.uint8)  # its values fit
        cv2.putText(pixels, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 160, 1)
        one.PixelData = pixels.astype(np.uint16).tobytes()
    return made


def filed(patient: Patient, slices: list[Dataset], **changes: Any) -> Series:
    for one in slices:
        for keyword, value in changes.items():
            setattr(one, keyword, value)
        series = file_instance(patient=patient, data=as_bytes(one)).instance.series
    return settle(series)


def codes(series: Series) -> list[str]:
    return [problem["code"] for problem in series.problems]


@pytest.mark.parametrize("name", ["glioma", "meningioma", "pituitary", "no_tumor", "dicom"])
def test_slices_without_text_are_left_alone_and_text_is_seen(name: str) -> None:
    clean = decode(sample(name).read_bytes()).pixels
    assert not shows_text(clean)
    named = clean.copy() if clean.ndim == 2 else clean.max(axis=2)
    cv2.putText(named, "HADDAD^RANA", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1)
    assert shows_text(named)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "flagged"),
    [
        ({}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "BurnedInAnnotation": "NO"}, False),
    ],
)
def test_a_series_is_flagged_by_what_its_headers_say(
    patient: Patient, header: dict[str, str], flagged: bool
) -> None:
    series = filed(patient, make_series(slices=2), **header)
    assert (FLAGGED in codes(series)) is flagged


def test_a_series_with_text_in_its_pixels_is_flagged_and_leaves_only_when_told_to(
    patient: Patient, as_doctor: APIClient
) -> None:
    series = filed(patient, slices_with("HADDAD^RANA"))
    assert FLAGGED in codes(series)
    address = f"/api/v1/studies/{series.study_id}/deidentified.zip"
    refused = as_doctor.get(address)
    assert refused.status_code == 409
    assert refused.json()["code"] == FLAGGED
    assert refused.json()["series"] == [str(series.pk)]
    assert as_doctor.get(address, {"allow_burned_in": "true"}).status_code == 200


def test_a_study_leaves_without_its_patient(patient: Patient, as_doctor: APIClient) -> None:
    series = filed(patient, make_series(slices=3))
    original = series.instances.first()
    assert original is not None
    answer = as_doctor.get(
        f"/api/v1/studies/{series.study_id}/deidentified.zip", {"keep_dates": "true"}
    )
    archive = ZipFile(BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    images = [name for name in archive.namelist() if name.endswith(".dcm")]
    assert len(images) == 3
    first = pydicom.dcmread(BytesIO(archive.read(images[0])))
    with original.file.open("rb") as stored:
        before = pydicom.dcmread(BytesIO(stored.read()))
    assert first.PixelData == before.PixelData
    assert first.PatientIdentityRemoved == "YES"
    assert first.PatientID != before.PatientID
    assert first.SOPInstanceUID != before.SOPInstanceUID
    assert first.StudyDate == before.StudyDate
    assert "LEFT-OUT.txt" not in archive.namelist()
    event = Event.objects.get(action="study.deidentified")
    assert event.patient_id == patient.pk


def test_what_is_no_image_is_left_out_and_listed(patient: Patient, as_doctor: APIClient) -> None:
    image, report = make_series(slices=2)
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    series = filed(patient, [image, report])
    answer = as_doctor.get(f"/api/v1/studies/{series.study_id}/deidentified.zip")
    archive = ZipFile(BytesIO(answer.getvalue()))
    assert sum(name.endswith(".dcm") for name in archive.namelist()) == 1
    assert b"no DICOM image" in archive.read("LEFT-OUT.txt")


def test_the_command_writes_the_same_archive(patient: Patient, tmp_path: Path) -> None:
    series = filed(patient, make_series(slices=2))
    out = tmp_path / "out"
    call_command("export_deidentified", series.study.uid, "--out", str(out), "--keep-uids")
    [target] = out.iterdir()
    archive = ZipFile(target)
    images = [name for name in archive.namelist() if name.endswith(".dcm")]
    header = pydicom.dcmread(BytesIO(archive.read(images[0])))
    assert header.StudyInstanceUID == series.study.uid
    assert Event.objects.filter(action="study.deidentified", patient_id=patient.pk).exists()
    with pytest.raises(CommandError):
        call_command("export_deidentified", "1.2.3.4", "--out", str(tmp_path))
