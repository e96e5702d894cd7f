"""Breaking an upload wherever it can break: it goes on, and the file is whole in the end."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

import scans.services
from accounts.models import User
from inference.models import Analysis
from inference.tasks import settle_uploads
from patients.services import create_patient
from scans.models import Scan
from scans.uploads import parts
from scans.uploads.models import ResumableUpload
from scans.uploads.tasks import expire
from tests.samples import sample
from tests.uploads.client import Uploader, checksum
from tests.uploads.conftest import Upload


class Break(Enum):
    NONE = "the part arrives and so does the answer"
    REQUEST = "the part never arrives"
    HALF = "half of the part arrives"
    DAMAGED = "the part arrives damaged, with the checksum of the right one"
    DISK = "the disk fails after some of the part is written"
    CRASH = "the process dies after the part is written, before the database knows"
    AGAIN = "the answer is lost, and the client sends the part again without asking"


def send(sending: Uploader, offset: int, size: int, broken: Break) -> None:
    part = sending.data[offset : offset + size]
    if broken is Break.REQUEST:
        return
    if broken is Break.HALF:
        part = part[: size // 2]
    if broken is Break.DAMAGED:
        damaged = bytes(255 - byte for byte in part)
        assert sending.send(offset, damaged, **checksum(part)).status_code == 460
        return
    if broken is Break.DISK:
        with patch("scans.uploads.parts.os.fsync", side_effect=OSError("no space")):
            assert sending.send(offset, part).status_code == 500
        return
    if broken is Break.CRASH:
        with patch.object(ResumableUpload, "save", side_effect=RuntimeError("killed")):
            assert sending.send(offset, part).status_code == 500
        return
    assert sending.send(offset, part).status_code == 204
    if broken is Break.AGAIN:
        assert sending.send(offset, part).status_code == 409


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(1, 20_000), st.sampled_from(Break)), max_size=8))
def test_however_it_is_cut_and_broken_the_scan_is_the_file(
    as_doctor: APIClient, doctor: User, steps: list[tuple[int, Break]]
) -> None:
    as_doctor.raise_request_exception = False
    cache.clear()  # requests of all examples together are more than a user may make in a minute
    data = sample("glioma").read_bytes()
    sending = Uploader(as_doctor, create_patient(user=doctor, family_name="Haddad"), data)
    sending.begin()
    for size, broken in steps:
        before = sending.offset()
        if before == len(data):
            break
        send(sending, before, size, broken)
        assert sending.offset() >= before
    if sending.state()["state"] == "receiving":
        sending.send(sending.offset())
    (scan,) = Scan.objects.filter(patient=sending.patient)
    assert scan.sha256 == hashlib.sha256(data).hexdigest()
    assert scan.analyses.get().status == Analysis.Status.QUEUED
    assert sending.head()["Falx-Scan"] == str(scan.id)


@pytest.fixture
def interrupted(upload: Upload) -> Uploader:
    """An upload whose process died between the last byte and the scan."""
    sending = upload()
    sending.api.raise_request_exception = False
    with patch("inference.uploads.check_upload", side_effect=RuntimeError("killed")):
        assert sending.send(0).status_code == 500
    assert not Scan.objects.exists()
    return sending


def test_asking_finishes_what_died_at_the_last_byte(interrupted: Uploader) -> None:
    told = interrupted.head()
    assert (told["Falx-State"], told["Falx-Scan"]) == ("finished", str(Scan.objects.get().id))


def test_sending_nothing_more_finishes_it_too(interrupted: Uploader) -> None:
    answer = interrupted.send(len(interrupted.data), b"")
    assert answer["Falx-Scan"] == str(Scan.objects.get().id)


def test_the_sweep_finishes_it_when_nobody_asks(interrupted: Uploader) -> None:
    settle_uploads()
    settle_uploads()
    assert Scan.objects.count() == Analysis.objects.count() == 1


def test_one_that_cannot_be_finished_does_not_hold_up_the_others(
    interrupted: Uploader, upload: Upload
) -> None:
    second = upload(sample("meningioma").read_bytes())
    second.api.raise_request_exception = False

    def killed_by_the_first(file: UploadedFile) -> scans.services.Upload:
        if file.size == len(interrupted.data):
            raise MemoryError
        return scans.services.check_upload(file)

    with patch("inference.uploads.check_upload", side_effect=RuntimeError("killed")):
        second.send(0)
    with patch("inference.uploads.check_upload", killed_by_the_first):
        settle_uploads()
    assert Scan.objects.get().size_bytes == len(second.data)


def test_a_scan_and_the_end_of_its_upload_are_one(upload: Upload) -> None:
    sending = upload()
    sending.api.raise_request_exception = False
    with patch("inference.uploads.services.finish", side_effect=RuntimeError("killed")):
        assert sending.send(0).status_code == 500
    assert not Scan.objects.exists()
    assert not Analysis.objects.exists()
    assert sending.state()["state"] == "finished"
    assert Scan.objects.count() == 1


def test_bytes_that_storage_lost_are_asked_for_again(upload: Upload) -> None:
    sending = upload()
    sending.send(0, sending.data[:5000])
    with parts.path(ResumableUpload.objects.get().id).open("r+b") as file:
        file.truncate(3000)
    assert sending.offset() == 3000
    assert sending.send(3000)["Falx-State"] == "finished"


def stored(media: Path) -> Iterator[Path]:
    return (path for path in media.rglob("*.part"))


def test_what_nobody_finished_is_removed_with_its_bytes(
    upload: Upload, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    old, young = upload(), upload()
    for sending in (old, young):
        sending.send(0, sending.data[:1000])
    ResumableUpload.objects.filter(pk=old.state()["id"]).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert len(list(stored(settings.MEDIA_ROOT))) == 2
    with django_capture_on_commit_callbacks(execute=True):
        expire()
    assert old.head().status_code == 404
    assert young.offset() == 1000
    assert len(list(stored(settings.MEDIA_ROOT))) == 1


def test_bytes_without_an_upload_are_removed_once_they_are_old(
    upload: Upload, settings: Any
) -> None:
    sending = upload()
    sending.send(0, sending.data[:1000])
    ResumableUpload.objects.all()._raw_delete("default")
    expire()
    assert len(list(stored(settings.MEDIA_ROOT))) == 1  # its transaction may not be over yet
    settings.UPLOAD_HOURS = -1
    expire()
    assert not list(stored(settings.MEDIA_ROOT))


def test_a_patient_who_is_deleted_takes_the_bytes_along(
    upload: Upload, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sending = upload()
    sending.send(0, sending.data[:1000])
    with django_capture_on_commit_callbacks(execute=True):
        sending.patient.delete()
    assert not list(stored(settings.MEDIA_ROOT))


def test_the_sweeps_are_in_the_clock(settings: Any) -> None:
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"inference.settle_uploads", "uploads.expire", "idempotency.purge"} <= tasks


def test_an_upload_for_a_patient_is_listed_nowhere_else(upload: Upload) -> None:
    sending = upload()
    scans = sending.api.get(reverse("scans", args=[sending.patient.id])).json()["results"]
    assert scans == []
