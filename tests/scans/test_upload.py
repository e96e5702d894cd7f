"""Uploading: what is kept, what is refused and how, and that nothing is lost or left behind."""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis
from patients.models import Patient
from patients.services import create_patient
from scans.decoding import DecodedSlice, decode
from scans.models import Scan, Series, Study
from tests.samples import sample


@pytest.fixture
def upload(as_doctor: APIClient, patient: Patient) -> Callable[..., Any]:
    def send(data: bytes, name: str = "slice", to: Patient = patient, **fields: str) -> Any:
        file = SimpleUploadedFile(name, data)
        url = reverse("scans", args=[to.id])
        return as_doctor.post(url, {"file": file, **fields}, format="multipart")

    return send


def test_an_upload_is_answered_with_the_scan_and_its_queued_analysis(
    upload: Any, as_doctor: APIClient, patient: Patient
) -> None:
    data = sample("glioma").read_bytes()
    answer = upload(data, "t1.jpg", acquired_at="2024-05-01T10:00:00Z", note="After contrast")
    assert answer.status_code == 201
    scan = answer.json()
    assert scan["patient"] == str(patient.id)
    assert scan["sha256"] == hashlib.sha256(data).hexdigest()
    assert (scan["format"], scan["original_name"], scan["note"]) == (
        "jpeg",
        "t1.jpg",
        "After contrast",
    )
    assert scan["acquired_at"] == "2024-05-01T10:00:00Z"
    assert scan["spacing_mm"] is None
    assert scan["analysis"]["status"] == "queued"
    assert scan["analysis"]["scan"] == scan["id"]
    assert as_doctor.get(reverse("scan", args=[scan["id"]])).json() == scan
    assert as_doctor.get(reverse("scans", args=[patient.id])).json()["results"] == [scan]


def test_the_original_comes_back_byte_for_byte(upload: Any, as_doctor: APIClient) -> None:
    data = sample("dicom").read_bytes()
    scan = upload(data, "N2D.dcm").json()
    answer = as_doctor.get(scan["file"])
    assert answer.content == data
    assert answer["Content-Type"] == "application/dicom"
    assert answer["Content-Disposition"] == 'attachment; filename="N2D.dcm"'
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_preview_is_a_small_png_of_the_slice(upload: Any, as_doctor: APIClient) -> None:
    scan = upload(sample("glioma").read_bytes()).json()
    preview = Image.open(BytesIO(as_doctor.get(scan["preview"]).content))
    assert preview.format == "PNG"
    assert max(preview.size) <= 512
    assert np.asarray(preview).std() > 10


def test_files_are_given_to_whoever_asks_for_pictures(upload: Any, as_doctor: APIClient) -> None:
    scan = upload(sample("glioma").read_bytes()).json()
    for address in (scan["preview"], scan["file"]):
        assert as_doctor.get(address, HTTP_ACCEPT="image/webp, image/png").status_code == 200


def test_a_dicom_slice_brings_its_own_facts(upload: Any) -> None:
    path = sample("dicom")
    header = pydicom.dcmread(path, stop_before_pixels=True)
    scan = upload(path.read_bytes()).json()
    assert scan["format"] == "dicom"
    assert scan["spacing_mm"] == pytest.approx([float(v) for v in header.PixelSpacing])
    assert scan["study_uid"] == header.StudyInstanceUID
    assert scan["series_uid"] == header.SeriesInstanceUID
    assert scan["instance_uid"] == header.SOPInstanceUID
    assert (scan["height_px"], scan["width_px"]) == (header.Rows, header.Columns)


def test_slices_of_one_series_stand_together(upload: Any) -> None:
    first = pydicom.dcmread(sample("dicom"))
    second = pydicom.dcmread(sample("dicom"))
    second.SOPInstanceUID = first.SOPInstanceUID[:60] + ".2"
    out = BytesIO()
    second.save_as(out)
    upload(sample("dicom").read_bytes())
    assert upload(out.getvalue()).status_code == 201
    assert (Study.objects.count(), Series.objects.count(), Scan.objects.count()) == (1, 1, 2)


def test_the_same_file_twice_points_at_the_first(upload: Any) -> None:
    data = sample("glioma").read_bytes()
    first = upload(data).json()
    again = upload(data, "renamed.jpg")
    assert again.status_code == 409
    assert again.json()["code"] == "duplicate_scan"
    assert again.json()["scan"] == first["id"]
    assert Scan.objects.count() == Analysis.objects.count() == 1


def test_the_same_file_for_another_patient_is_another_scan(upload: Any, doctor: User) -> None:
    data = sample("glioma").read_bytes()
    upload(data)
    other = create_patient(user=doctor, family_name="Khoury")
    assert upload(data, to=other).status_code == 201


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("\x7f\u200bslice.png", "slice.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.png", "system.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("صورة.png", "صورة.png"),
        ("x" * 300 + ".png", None),
    ],
)
def test_names_with_tricks_are_only_names(
    upload: Any, as_doctor: APIClient, settings: Any, name: str, kept: str | None
) -> None:
    answer = upload(sample("glioma").read_bytes(), name)
    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        scan = answer.json()
        assert len(scan["original_name"]) <= 255
        assert not {"/", "\\", "\n", "\r"} & set(scan["original_name"])
        if kept is not None:
            assert scan["original_name"] == kept
        assert as_doctor.get(scan["file"]).status_code == 200
    stored = [p for p in Path(settings.MEDIA_ROOT).rglob("*") if p.is_file()]
    assert {p.name for p in stored} <= {"original.jpeg", "preview.png"}


def png(mode: str, **options: Any) -> bytes:
    out = BytesIO()
    picture = Image.open(sample("glioma")).convert("L")
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 100)
    else:
        picture = picture.convert(mode)
    picture.save(out, options.pop("format", "PNG"), **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: png("I;16"), id="16 bit"),
        pytest.param(lambda: png("P"), id="palette"),
        pytest.param(lambda: png("RGBA"), id="RGBA"),
        pytest.param(lambda: png("LA"), id="grey with alpha"),
        pytest.param(lambda: png("1"), id="1 bit"),
        pytest.param(lambda: png("CMYK", format="JPEG"), id="CMYK JPEG"),
        pytest.param(lambda: png("L", format="JPEG", progressive=True), id="progressive JPEG"),
    ],
)
def test_unusual_but_valid_pictures_are_taken(upload: Any, data: Callable[[], bytes]) -> None:
    answer = upload(data())
    assert answer.status_code == 201, answer.content


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that announces a size and then has almost nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = [head, body, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
    )


def animated_gif() -> bytes:
    frames = [Image.new("L", (64, 64), shade) for shade in (0, 128, 255)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def dicom(**changes: Any) -> bytes:
    data = pydicom.dcmread(sample("dicom"))
    for name, value in changes.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    out = BytesIO()
    data.save_as(out)
    return out.getvalue()


def multi_frame_dicom() -> bytes:
    data = pydicom.dcmread(sample("dicom"))
    return dicom(NumberOfFrames=2, PixelData=data.PixelData * 2)


BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty_file"),
    "text called png": (lambda: b"this is no picture", "unsupported_format"),
    "truncated JPEG": (lambda: sample("glioma").read_bytes()[:5000], "truncated_file"),
    "truncated PNG": (lambda: png("L")[:5000], "truncated_file"),
    "truncated DICOM": (lambda: sample("dicom").read_bytes()[:50_000], "truncated_file"),
    "bomb": (lambda: header_only_png(60_000, 60_000), "image_too_large"),
    "20,000 x 20,000": (lambda: header_only_png(20_000, 20_000), "image_too_large"),
    "1 x 1": (lambda: header_only_png(1, 1), "image_too_small"),
    "ribbon": (lambda: header_only_png(40, 100_000), "image_too_narrow"),
    "animated GIF": (animated_gif, "animated_image"),
    "DICOM without pixels": (lambda: dicom(PixelData=None), "no_pixel_data"),
    "multi-frame DICOM": (multi_frame_dicom, "multi_frame_dicom"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_its_reason_and_leaves_nothing(
    upload: Any, settings: Any, case: str
) -> None:
    make, code = BAD_FILES[case]
    answer = upload(make(), "scan.png")
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == (code, "file")
    assert answer.json()["message"].endswith(".")
    assert not Scan.objects.exists()
    assert not Study.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.*"))


def test_over_the_limit(upload: Any, settings: Any) -> None:
    settings.MAX_UPLOAD_MB, settings.MAX_UPLOAD_BYTES = 0, 1000
    answer = upload(sample("glioma").read_bytes())
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"acquired_at": "yesterday"}, "acquired_at"),
        ({"acquired_at": "2999-01-01T00:00:00Z"}, "acquired_at"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "bell\x07"}, "note"),
    ],
)
def test_bad_fields_name_themselves(upload: Any, fields: dict[str, str], field: str) -> None:
    answer = upload(sample("glioma").read_bytes(), **fields)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not Scan.objects.exists()


def test_nobody_is_scanned_before_they_are_born(upload: Any, patient: Patient) -> None:
    Patient.objects.update(birth_date="2000-05-03")
    before = upload(sample("glioma").read_bytes(), acquired_at="2000-05-02T09:00:00Z")
    assert (before.status_code, before.json()["code"]) == (400, "before_birth")
    assert before.json()["field"] == "acquired_at"
    assert not Scan.objects.exists()
    # It is the third of May in the east already; and what a header says is no more than a hint.
    assert (
        upload(sample("glioma").read_bytes(), acquired_at="2000-05-02T11:00:00Z").status_code == 201
    )
    assert upload(dicom(AcquisitionDateTime="19990101000000")).json()["acquired_at"] is None


def test_no_file_at_all(as_doctor: APIClient, patient: Patient) -> None:
    url = reverse("scans", args=[patient.id])
    answer = as_doctor.post(url, {"note": "x"}, format="multipart")
    assert (answer.status_code, answer.json()["field"]) == (400, "file")
    assert as_doctor.post(url, {"file": "x"}).status_code == 415


@pytest.mark.parametrize("taken", ["99991231235959-1200", "00010101000000+1400", "29990101000000"])
def test_a_header_with_an_impossible_time_costs_neither_the_scan_nor_the_list(
    upload: Any, as_doctor: APIClient, patient: Patient, taken: str
) -> None:
    answer = upload(dicom(AcquisitionDateTime=taken))
    assert answer.status_code == 201
    assert (answer.json()["acquired_at"] or "") < "2100"
    listed = as_doctor.get(reverse("scans", args=[patient.id]))
    assert [scan["id"] for scan in listed.json()["results"]] == [answer.json()["id"]]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_file_is_decoded(upload: Any) -> None:
    open_then: list[bool] = []

    def watched(data: bytes) -> DecodedSlice:
        open_then.append(connection.in_atomic_block)
        return decode(data)

    with patch("scans.services.decode", watched):
        assert upload(sample("glioma").read_bytes()).status_code == 201
    assert open_then == [False]


def test_deleting_a_scan_takes_its_files_along(
    done: Analysis, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def stored() -> Iterator[Path]:
        return (p for p in Path(settings.MEDIA_ROOT).rglob("*") if p.is_file())

    assert len(list(stored())) == 5
    with django_capture_on_commit_callbacks(execute=True):
        done.scan.patient.delete()
    assert not list(stored())


def test_a_list_of_scans_costs_the_same_queries_at_any_length(
    upload: Any, as_doctor: APIClient, patient: Patient, django_assert_num_queries: Any
) -> None:
    for mode in ("L", "RGB", "RGBA"):
        upload(png(mode))
    with django_assert_num_queries(5):
        as_doctor.get(reverse("scans", args=[patient.id]))
