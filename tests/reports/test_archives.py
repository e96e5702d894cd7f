"""The whole file as one archive: complete, checked, for owners only, and gone in time."""

import hashlib
import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from inference.models import Analysis, Review
from patients.history.services import amend, mark_as_error, write
from patients.models import Attachment, HistoryEntry, Patient
from patients.services import add_to_care_team
from reports.archives import services
from reports.models import Archive
from reports.tasks import build_archive, sweep
from tests.dicom.readings import outline, read_series, review
from tests.reports.conftest import add_scan, grey, text_of
from tests.series.make import make_series

pytestmark = pytest.mark.usefixtures("reading")


@pytest.fixture
def asked(as_doctor: APIClient, rana: Patient) -> dict[str, Any]:
    answer = as_doctor.post(f"/api/v1/patients/{rana.pk}/archive")
    assert answer.status_code == 202
    return dict(answer.json())


@pytest.fixture
def zipped(as_doctor: APIClient, asked: dict[str, Any], reading: Analysis) -> ZipFile:
    return fetch(as_doctor, asked)


def fetch(client: APIClient, asked: dict[str, Any]) -> ZipFile:
    build_archive(asked["id"])
    ready = client.get(f"/api/v1/archives/{asked['id']}").json()
    assert ready["status"] == "ready"
    answer = client.get(ready["file"])
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert len(data) == ready["size_bytes"] == int(answer["Content-Length"])
    assert hashlib.sha256(data).hexdigest() == ready["sha256"]
    return ZipFile(BytesIO(data))


def test_is_built_after_the_request(asked: dict[str, Any], as_doctor: APIClient) -> None:
    assert (asked["status"], asked["file"]) == ("queued", None)
    early = as_doctor.get(f"/api/v1/archives/{asked['id']}/file")
    assert (early.status_code, early.json()["code"]) == (409, "archive_not_ready")


def test_has_the_originals_byte_for_byte(zipped: ZipFile, reading: Analysis) -> None:
    scan = reading.scan
    with scan.original.open("rb") as original:
        assert zipped.read(f"scans/{scan.pk}/original.png") == original.read()
    for picture in ("mask", "overlay", "heatmap"):
        assert f"scans/{scan.pk}/analyses/{reading.pk}/{picture}.png" in zipped.namelist()


def test_every_file_has_its_sum(zipped: ZipFile) -> None:
    lines = zipped.read("SHA256SUMS").decode().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == set(zipped.namelist()) - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256(zipped.read(name)).hexdigest() == digest


def test_file_json_says_everything(
    as_doctor: APIClient, asked: dict[str, Any], reading: Analysis, rana: Patient
) -> None:
    Review.objects.create(
        analysis=reading,
        version=1,
        decision="corrected",
        label="meningioma",
        outline="none",
        reviewer_name="Dr. Rami Khoury",
    )
    told = json.loads(fetch(as_doctor, asked).read("file.json"))
    assert told["patient"]["family_name"] == "Haddad"
    assert told["patient"]["identifiers"][0]["value"] == "H-17"
    (scan,) = told["scans"]
    assert scan["note"] == "T1 بعد حقن 5 مل"
    (analysis,) = scan["analyses"]
    assert analysis["label"] == "glioma"
    assert analysis["reviews"][0]["reviewer"] == "Dr. Rami Khoury"
    assert analysis["comments"][0]["text"] == "أوافق على القراءة"
    assert told["team"][0]["level"] == "owner"
    assert "archive.request" in {event["action"] for event in told["accesses"]}


def test_history_comes_with_what_it_once_said(
    as_doctor: APIClient, asked: dict[str, Any], rana: Patient, doctor: User
) -> None:
    entry = write(
        patient=rana,
        kind=HistoryEntry.Kind.NOTE,
        data={"text": "Left side"},
        occurred_at=timezone.now(),
        author=doctor,
    )
    amend(entry=entry, author=doctor, data={"text": "Right side"})
    mark_as_error(entry=entry, author=doctor, reason="Wrong patient")
    (told,) = json.loads(fetch(as_doctor, asked).read("file.json"))["history"]
    assert told["status"] == "entered_in_error"
    assert [version["data"]["text"] for version in told["versions"]][-1] == "Left side"


def test_attached_files_are_in_it(
    as_doctor: APIClient, asked: dict[str, Any], rana: Patient
) -> None:
    entry = rana.history.create(
        kind="attachment",
        title="Letter",
        data={"original_name": "../letter.png"},
        occurred_at=timezone.now(),
    )
    attached = Attachment(entry=entry, format="png", sha256="0" * 64)
    attached.file.save("original", ContentFile(grey()))
    assert fetch(as_doctor, asked).read(f"attachments/{entry.pk}.png") == grey()


def test_has_the_report_in_both_languages(zipped: ZipFile) -> None:
    assert "Most likely of four: Glioma" in text_of(zipped.read("reports/en.pdf"))
    assert "ورم دبقي" in text_of(zipped.read("reports/ar.pdf"))
    assert "SHA256SUMS" in zipped.read("README.txt").decode()


def test_names_are_ours(
    as_doctor: APIClient, asked: dict[str, Any], rana: Patient, doctor: User
) -> None:
    scan = add_scan(rana, doctor)
    scan.original_name = "../../etc/passwd"
    scan.save()
    names = fetch(as_doctor, asked).namelist()
    assert not [name for name in names if ".." in name or name.startswith("/") or "passwd" in name]


def test_lost_file_is_named(as_doctor: APIClient, asked: dict[str, Any], reading: Analysis) -> None:
    Path(reading.scan.original.path).unlink()
    zipped = fetch(as_doctor, asked)
    assert zipped.read("MISSING.txt").decode() == f"scans/{reading.scan_id}/original.png\n"


def test_asking_twice_is_one_archive(
    as_doctor: APIClient, asked: dict[str, Any], rana: Patient
) -> None:
    again = as_doctor.post(f"/api/v1/patients/{rana.pk}/archive").json()
    assert again["id"] == asked["id"]


def test_writer_may_not_have_it(
    api: Any, other_doctor: User, rana: Patient, asked: dict[str, Any]
) -> None:
    add_to_care_team(patient=rana, user=other_doctor)
    writer = api(other_doctor)
    for answer in (
        writer.post(f"/api/v1/patients/{rana.pk}/archive"),
        writer.get(f"/api/v1/archives/{asked['id']}"),
        writer.get(f"/api/v1/archives/{asked['id']}/file"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "owner_required")


def test_who_lost_the_file_gets_no_archive(asked: dict[str, Any], rana: Patient) -> None:
    rana.members.all().delete()
    build_archive(asked["id"])
    archive = Archive.objects.get()
    assert archive.status == Archive.Status.FAILED
    assert archives_on_disk() == []


def test_fetching_is_written_down(as_doctor: APIClient, asked: dict[str, Any]) -> None:
    fetch(as_doctor, asked)
    assert {"archive.request", "archive.read", "archive.file"} <= set(
        Event.objects.values_list("action", flat=True)
    )


def test_expired_archive_is_not_there_and_goes(
    as_doctor: APIClient, asked: dict[str, Any], django_capture_on_commit_callbacks: Any
) -> None:
    fetch(as_doctor, asked)
    assert len(archives_on_disk()) == 1
    Archive.objects.update(expires_at=timezone.now())
    assert as_doctor.get(f"/api/v1/archives/{asked['id']}").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        sweep()
    assert archives_on_disk() == []
    assert not Archive.objects.exists()
    assert Event.objects.filter(action="archive.expire").exists()


def test_second_message_finds_nothing_to_do(as_doctor: APIClient, asked: dict[str, Any]) -> None:
    fetch(as_doctor, asked)
    before = Archive.objects.get().sha256
    build_archive(asked["id"])
    assert Archive.objects.get().sha256 == before
    assert len(archives_on_disk()) == 1


def test_failure_leaves_nothing_and_is_tried_again(asked: dict[str, Any]) -> None:
    for attempt in range(1, services.MAX_ATTEMPTS + 1):
        with patch("reports.archives.services.write_package", side_effect=OSError("disk full")):
            build_archive(asked["id"])
        archive = Archive.objects.get()
        assert archive.attempts == attempt
        assert archives_on_disk() == []
    assert archive.status == Archive.Status.FAILED


def test_lost_worker_or_message_is_noticed(asked: dict[str, Any]) -> None:
    with patch("reports.archives.services.current_app") as broker:
        sweep()
        broker.send_task.assert_not_called()
        Archive.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        sweep()
        broker.send_task.assert_called_once()
        archive = services.claim(Archive.objects.get().pk)
        assert archive is not None
        Archive.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        sweep()
    assert broker.send_task.call_count == 2
    assert Archive.objects.get().status == Archive.Status.QUEUED
    assert not services.settle(archive, status=Archive.Status.READY)  # it was given up on


def archives_on_disk() -> list[Path]:
    return list(Path(settings.MEDIA_ROOT).glob("patients/*/archives/*"))


def test_readings_of_whole_series_are_in_it(
    as_doctor: APIClient, asked: dict[str, Any], rana: Patient, doctor: User
) -> None:
    masks = outline(5, 32, 40)
    analysis = read_series(rana, make_series(slices=5), masks)
    shares = {"glioma": 0.9, "meningioma": 0.05, "pituitary": 0.03, "no_tumor": 0.02}
    analysis.probabilities = shares
    for one in analysis.slices:
        one |= {"position_mm": None, "accepted": True, "label": "glioma", "probabilities": shares}
        one |= {"area_px": 120, "area_mm2": None, "reasons": []}
    analysis.save()
    review(analysis, doctor, "corrected", "meningioma")
    zipped = fetch(as_doctor, asked)
    studies = json.loads(zipped.read("file.json"))["studies"]
    (told,) = [reading for study in studies for reading in study["readings"]]
    assert (told["label"], told["measurements"]["volume_ml"]) == ("glioma", 1.5)
    assert [each["index"] for each in told["slices"]] == [0, 1, 2, 3, 4]
    assert told["reviews"][0]["label"] == "meningioma"
    names = {name for name in zipped.namelist() if name.startswith(told["folder"])}
    assert {name.rpartition(".")[2] for name in names} == {"npz", "png"}
    (packed,) = [name for name in names if name.endswith(".npz")]
    with analysis.masks.open("rb") as kept:
        assert zipped.read(packed) == kept.read()
