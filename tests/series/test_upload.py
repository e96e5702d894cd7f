"""Uploading whole studies: what is kept, what is refused and how, and that nothing else happens."""

import gzip
import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import nibabel
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from patients.access import Level
from patients.models import Patient
from patients.team.services import add_member
from scans.models import Instance, Series, Study
from tests.samples import sample
from tests.series.make import as_bytes, make_enhanced, make_series, zipped

Send = Callable[..., Any]


@pytest.fixture
def send(as_doctor: APIClient, patient: Patient) -> Send:
    def upload(*files: bytes | tuple[str, bytes], to: Patient = patient) -> Any:
        named = [file if isinstance(file, tuple) else ("file", file) for file in files]
        given = [SimpleUploadedFile(name, data) for name, data in named]
        return as_doctor.post(reverse("studies", args=[to.id]), {"file": given}, format="multipart")

    return upload


def in_zip(**kind: Any) -> dict[str, bytes]:
    return {f"CD/IM{n}": as_bytes(one) for n, one in enumerate(make_series(**kind))}


def test_an_archive_becomes_a_study_with_its_series(send: Send, as_doctor: APIClient) -> None:
    files = in_zip(slices=4) | in_zip(slices=3, plane="coronal", name="2")
    files |= {f"other/{n}": d for n, d in in_zip(slices=3, plane="coronal", name="2").items()}
    answer = send(zipped(files))
    assert answer.status_code == 201
    report = answer.json()
    assert (report["refused"], report["ignored"], report["warnings"]) == ([], [], [])
    [first, second] = sorted(report["series"], key=lambda share: share["series"]["plane"])
    assert (first["filed"], first["already_there"], first["series"]["plane"]) == (1, 0, "axial")
    assert (second["filed"], second["already_there"]) == (3, 3)
    assert Study.objects.count() == 1


def test_single_files_make_a_series_too(send: Send) -> None:
    answer = send(*[as_bytes(one) for one in make_series(slices=3)])
    [share] = answer.json()["series"]
    assert (answer.status_code, share["filed"]) == (201, 3)
    series = share["series"]
    assert (series["instances"], series["frames"], series["facts"]["slices"]) == (3, 3, 3)
    assert (series["worth_reading"], series["settled_at"] is None) == (True, False)


def test_an_upload_sent_again_changes_nothing(send: Send) -> None:
    archive = zipped(in_zip(slices=3))
    send(archive)
    again = send(archive)
    assert again.status_code == 200
    assert again.json()["series"][0]["already_there"] == 3
    assert Instance.objects.count() == 3


def test_the_real_sample_can_be_filed(send: Send) -> None:
    [share] = send(sample("dicom").read_bytes()).json()["series"]
    assert share["series"]["description"] == "anat-T1w"
    assert share["series"]["plane"] == "axial"


def test_what_cannot_be_kept_is_named_with_its_reason(send: Send) -> None:
    good = in_zip(slices=3)
    whole = good["CD/IM0"]
    archive = BytesIO()
    with ZipFile(archive, "w") as written:
        for path, data in good.items():
            written.writestr(path, data)
        written.writestr("CD/cut", whole[:-100])
        written.writestr("CD/viewer.exe", b"MZ" * 200)
        written.writestr("CD/inner.zip", zipped({"a": b"b"}))
        written.writestr("../../climbs", whole)
        written.writestr("/absolute", whole)
        written.writestr("C:\\windows", whole)
        written.writestr("CD/other", as_bytes(make_series(slices=1, EchoTime=9)[0]))
        for junk in ("__MACOSX/CD/._IM0", ".DS_Store", "DICOMDIR", "CD/Thumbs.db"):
            written.writestr(junk, b"junk")
    report = send(archive.getvalue()).json()
    assert report["series"][0]["filed"] == 3
    assert {refusal["name"]: refusal["code"] for refusal in report["refused"]} == {
        "CD/cut": "truncated_file",
        "CD/viewer.exe": "unsupported_format",
        "CD/inner.zip": "nested_archive",
        "../../climbs": "unsafe_path",
        "/absolute": "unsafe_path",
        "C:/windows": "unsafe_path",
        "CD/other": "instance_conflict",
    }
    assert report["ignored"] == ["__MACOSX/CD/._IM0", ".DS_Store", "DICOMDIR", "CD/Thumbs.db"]


def test_with_nothing_to_keep_it_is_refused_and_says_why(send: Send, patient: Patient) -> None:
    answer = send(("notes.txt", b"hello"), ("empty", b""))
    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["field"]) == ("nothing_to_file", "file")
    assert [refusal["code"] for refusal in body["refused"]] == ["unsupported_format", "empty_file"]
    assert not Study.objects.exists()


def test_files_of_two_patients_are_refused(send: Send) -> None:
    files = in_zip(slices=2) | {
        "b": as_bytes(make_series(slices=1, name="2", PatientID="P-18")[0]),
    }
    answer = send(zipped(files))
    assert (answer.status_code, answer.json()["code"]) == (400, "several_patients")
    assert answer.json()["patients"] == 2
    assert not Study.objects.exists()


def test_a_name_written_differently_is_no_other_patient(send: Send) -> None:
    files = in_zip(slices=2) | {
        "b": as_bytes(make_series(slices=1, name="2", PatientName="HADDAD^RANA^M")[0]),
        "c": as_bytes(make_series(slices=1, name="3", PatientName="", PatientID="")[0]),
    }
    assert send(zipped(files)).status_code == 201


def test_files_of_somebody_else_than_the_patient_give_a_warning(
    send: Send, patient: Patient
) -> None:
    answer = send(as_bytes(make_series(slices=1, PatientSex="M")[0]))
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["other_sex"]


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("MAX_STUDY_FILES", 2, "too_many_files"),
        ("MAX_STUDY_UNPACKED_BYTES", 5000, "archive_too_large"),
    ],
)
def test_an_archive_has_its_limits(
    send: Send, settings: Any, setting: str, value: int, code: str
) -> None:
    setattr(settings, setting, value)
    answer = send(zipped(in_zip(slices=3)))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Instance.objects.exists()


def test_an_entry_that_unpacks_to_too_much_is_refused_alone(send: Send, settings: Any) -> None:
    settings.MAX_INSTANCE_BYTES = 100_000
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as written:
        written.writestr("bomb", bytes(10_000_000))
        written.writestr("slice", as_bytes(make_series(slices=1)[0]))
    report = send(archive.getvalue()).json()
    assert [refusal["code"] for refusal in report["refused"]] == ["file_too_large"]
    assert report["series"][0]["filed"] == 1


def test_a_table_of_contents_without_end_is_not_even_listed(send: Send, settings: Any) -> None:
    settings.MAX_STUDY_FILES = 1
    archive = zipped({"x" * 1100: b""})
    answer = send(archive)
    assert answer.json()["code"] == "too_many_files"


def test_encrypted_and_damaged_entries_are_refused(send: Send) -> None:
    archive = bytearray(zipped(in_zip(slices=2)))
    first = archive.index(b"PK\x01\x02")
    flags = struct.unpack_from("<H", archive, first + 8)[0]
    struct.pack_into("<H", archive, first + 8, flags | 1)
    second = archive.index(b"CD/IM1") + 500
    archive[second] ^= 0xFF
    body = send(bytes(archive)).json()
    assert [refusal["code"] for refusal in body["refused"]] == ["encrypted_entry", "corrupt_entry"]


def test_entries_without_a_name_and_ones_that_no_packer_knows(send: Send) -> None:
    first, second, third = (as_bytes(one) for one in make_series(slices=3))
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_LZMA) as written:
        written.writestr(".", first)
        written.writestr("NN", second)
        written.writestr("damaged", third)
    data = bytearray(archive.getvalue().replace(b"NN", b"\0N"))
    data[data.index(b"damaged") + 40] ^= 0xFF
    answer = send(bytes(data))
    assert answer.status_code == 201
    assert [refusal["code"] for refusal in answer.json()["refused"]] == ["corrupt_entry"]
    [share] = answer.json()["series"]
    assert share["filed"] == 2
    assert [problem["code"] for problem in share["series"]["problems"]] == ["transfer_broken"]


def test_an_archive_that_is_cut_is_refused(send: Send) -> None:
    answer = send(zipped(in_zip(slices=2))[:-200])
    assert (answer.status_code, answer.json()["code"]) == (400, "corrupt_archive")


def test_a_volume_becomes_a_series_of_its_slices(send: Send, as_doctor: APIClient) -> None:
    volume = nifti((24, 40, 32), spacing=(3.0, 0.5, 0.5))
    answer = send(("t1ce.nii.gz", gzip.compress(volume)), ("flair.nii", volume[:-1] + b"\1"))
    assert answer.status_code == 201
    first, second = (share["series"] for share in answer.json()["series"])
    assert first["study"] == second["study"]
    assert (first["description"], first["plane"]) == ("t1ce", "sagittal")
    assert (first["frames"], first["instances"]) == (24, 1)
    assert first["facts"]["between_mm"] == pytest.approx(3)
    assert first["facts"]["voxel_mm3"] == pytest.approx(0.75)
    assert (first["worth_reading"], second["worth_reading"]) == (True, False)
    kept = Instance.objects.get(series=first["id"])
    assert str(kept.file.name).endswith(".nii.gz")
    assert as_doctor.get(first["thumbnail"]).status_code == 200


def test_a_volume_that_says_nothing_of_millimetres_has_none(send: Send) -> None:
    [share] = send(("t1.nii", nifti((40, 40, 20), spacing=(1, 1, 1), unit=0))).json()["series"]
    facts = share["series"]["facts"]
    assert (facts["spacing_mm"], facts["between_mm"], facts["voxel_mm3"]) == (None,) * 3


def test_the_same_volume_again_is_there_already(send: Send) -> None:
    volume = nifti((40, 40, 20))
    send(("t1.nii", volume))
    again = send(("renamed.nii", volume))
    assert (again.status_code, Series.objects.count()) == (200, 1)


def test_an_enhanced_object_is_a_whole_series(send: Send, as_doctor: APIClient) -> None:
    [share] = send(as_bytes(make_enhanced(slices=6))).json()["series"]
    series = share["series"]
    assert (series["instances"], series["frames"], series["facts"]["slices"]) == (1, 6, 6)
    assert (series["plane"], series["worth_reading"]) == ("axial", True)
    assert as_doctor.get(series["thumbnail"])["Content-Type"] == "image/png"


def test_a_reader_may_not_upload(
    api: Any, doctor: User, other_doctor: User, patient: Patient
) -> None:
    add_member(patient=patient, by=doctor, user=other_doctor, level=Level.READER)
    given = {"file": [SimpleUploadedFile("a", as_bytes(make_series(slices=1)[0]))]}
    answer = api(other_doctor).post(
        reverse("studies", args=[patient.id]), given, format="multipart"
    )
    assert answer.status_code == 403
    assert not Instance.objects.exists()


def nifti(
    shape: tuple[int, int, int], spacing: tuple[float, ...] = (1.0, 1.0, 2.0), unit: int = 2
) -> bytes:
    """A head-like ball on a grid whose axes run to the right, the front and the head."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    image = nibabel.Nifti1Image(
        ((grid**2).sum(0) < 0.8).astype(np.int16) * 300, np.diag([*spacing, 1.0])
    )
    image.header["xyzt_units"] = unit
    out: bytes = image.to_bytes()
    return out
