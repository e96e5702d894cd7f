"""Uploads in parts: what tus 1.0 asks of a server, and what becomes of the file."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.http import parse_http_date
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from inference.models import Analysis
from patients.models import CareTeamMember, Patient
from scans.decoding import DecodedSlice, decode
from scans.models import Scan
from scans.uploads.models import ResumableUpload
from tests.samples import sample
from tests.uploads.client import PART, RESUMABLE, Uploader, checksum, encoded
from tests.uploads.conftest import Upload


def test_a_file_in_parts_becomes_a_scan_with_its_analysis_queued(
    upload: Upload, as_doctor: APIClient, patient: Patient
) -> None:
    metadata = encoded(filename="t1.jpg", acquired_at="2024-05-01T10:00:00Z", note="After contrast")
    sending = upload(Upload_Metadata=metadata)
    middle = len(sending.data) // 2

    first = sending.send(0, sending.data[:middle])
    assert (first.status_code, first["Upload-Offset"]) == (204, str(middle))
    assert (first["Tus-Resumable"], first["Falx-State"]) == ("1.0.0", "receiving")
    assert "Falx-Scan" not in first
    assert not Scan.objects.exists()

    last = sending.send(middle)
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(sending.data)))
    scan = as_doctor.get(reverse("scan", args=[last["Falx-Scan"]])).json()
    assert scan["sha256"] == hashlib.sha256(sending.data).hexdigest()
    assert (scan["original_name"], scan["note"]) == ("t1.jpg", "After contrast")
    assert scan["acquired_at"] == "2024-05-01T10:00:00Z"
    assert scan["patient"] == str(patient.id)
    assert scan["analysis"]["status"] == "queued"
    assert as_doctor.get(scan["file"]).content == sending.data

    told = sending.head()
    assert (told["Falx-State"], told["Falx-Scan"]) == ("finished", scan["id"])
    state = sending.state()
    assert (state["state"], state["scan"], state["error"]) == ("finished", scan["id"], None)
    assert state["offset"] == state["length"] == len(sending.data)


def test_the_server_says_what_it_can(as_doctor: APIClient, patient: Patient, settings: Any) -> None:
    answer = as_doctor.options(reverse("patient-uploads", args=[patient.id]))
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Max-Size"] == str(settings.MAX_UPLOAD_BYTES)
    assert set(answer["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }
    assert {"sha1", "sha256"} <= set(answer["Tus-Checksum-Algorithm"].split(","))


def test_head_tells_where_to_go_on(upload: Upload) -> None:
    metadata = encoded(filename="t1.jpg", filetype="image/jpeg")
    sending = upload(Upload_Metadata=metadata)
    sending.send(0, sending.data[:1000])
    told = sending.head()
    assert (told.status_code, told.content) == (200, b"")
    assert (told["Upload-Offset"], told["Upload-Length"]) == ("1000", str(len(sending.data)))
    assert told["Upload-Metadata"] == metadata
    assert told["Cache-Control"] == "no-store"
    assert parse_http_date(told["Upload-Expires"]) > timezone.now().timestamp() + 23 * 3600


def test_the_first_part_may_come_with_the_beginning(as_doctor: APIClient, patient: Patient) -> None:
    data = sample("glioma").read_bytes()
    sending = Uploader(as_doctor, patient, data)
    assert sending.begin(data[:1000])["Upload-Offset"] == "1000"
    assert "Falx-Scan" in sending.send(1000)

    whole = Uploader(as_doctor, patient, sample("meningioma").read_bytes())
    assert "Falx-Scan" in whole.begin(whole.data)

    damaged = Uploader(as_doctor, patient, data)
    assert damaged.begin(data[:1000], **checksum(b"else")).status_code == 460
    assert ResumableUpload.objects.count() == 2


def test_a_network_that_knows_only_get_and_post(upload: Upload) -> None:
    sending = upload()
    answer = sending.api.generic(
        "POST",
        sending.location,
        sending.data,  # type: ignore[arg-type]
        content_type=PART,
        headers=RESUMABLE | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"},
    )
    assert (answer.status_code, answer["Falx-State"]) == (204, "finished")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_damaged_part_is_not_taken(upload: Upload, algorithm: str) -> None:
    sending = upload()
    part = sending.data[:1000]
    damaged = sending.send(0, b"\0" + part[1:], **checksum(part, algorithm))
    assert (damaged.status_code, damaged.json()["code"]) == (460, "checksum_mismatch")
    assert sending.offset() == 0
    assert sending.send(0, part, **checksum(part, algorithm)).status_code == 204
    assert sending.send(1000).status_code == 204


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": ""}, 412, "unsupported_tus_version"),
        ({"Tus-Resumable": "0.2.2"}, 412, "unsupported_tus_version"),
        ({"content_type": "application/octet-stream"}, 415, "unsupported_media_type"),
        ({"Upload-Offset": ""}, 400, "invalid_header"),
        ({"Upload-Offset": "-1"}, 400, "invalid_header"),
        ({"Upload-Offset": "1e3"}, 400, "invalid_header"),
        ({"Upload-Offset": "7"}, 409, "offset_mismatch"),
        ({"Upload-Checksum": "crc32 AAAA"}, 400, "unsupported_checksum"),
        ({"Upload-Checksum": "sha256 ?"}, 400, "invalid_header"),
        ({"body": b"x" * 100_000}, 413, "upload_length_exceeded"),
    ],
)
def test_a_part_that_does_not_fit_is_refused_and_changes_nothing(
    upload: Upload, headers: dict[str, Any], status: int, code: str
) -> None:
    sending = upload()
    answer = sending.send(0, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Tus-Resumable"] == "1.0.0"
    if status == 412:
        assert answer["Tus-Version"] == "1.0.0"
    assert sending.offset() == 0
    assert sending.send(0).status_code == 204


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"Upload-Length": ""}, 400, "Upload-Length"),
        ({"Upload-Length": "many"}, 400, "Upload-Length"),
        ({"Upload-Length": str(10**14)}, 413, "Upload-Length"),
        ({"Upload-Defer-Length": "1"}, 400, "Upload-Defer-Length"),
        ({"Upload-Metadata": "filename ???"}, 400, "Upload-Metadata"),
        ({"Upload-Metadata": "filename /w=="}, 400, "Upload-Metadata"),
        ({"Upload-Metadata": "note QQ==,note QQ=="}, 400, "Upload-Metadata"),
        ({"Upload-Metadata": "x " + "QUFB" * 3000}, 400, "Upload-Metadata"),
        ({"Upload-Metadata": encoded(acquired_at="yesterday")}, 400, "acquired_at"),
        ({"Upload-Metadata": encoded(acquired_at="2999-01-01T00:00:00Z")}, 400, "acquired_at"),
        ({"Upload-Metadata": encoded(note="x" * 2001)}, 400, "note"),
        ({"Tus-Resumable": "2.0.0"}, 412, "Tus-Resumable"),
    ],
)
def test_a_beginning_that_cannot_end_well_is_refused_at_once(
    as_doctor: APIClient, patient: Patient, headers: dict[str, str], status: int, field: str
) -> None:
    answer = Uploader(as_doctor, patient, b"x").begin(**headers)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert not ResumableUpload.objects.exists()


def test_a_file_that_is_no_slice_ends_rejected_with_the_reason(
    upload: Upload, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sending = upload(sample("glioma").read_bytes()[:5000])
    with django_capture_on_commit_callbacks(execute=True):
        answer = sending.send(0)
    assert (answer.status_code, answer.json()["code"]) == (400, "truncated_file")
    told = sending.head()
    assert (told["Falx-State"], told["Upload-Offset"]) == ("rejected", "5000")
    state = sending.state()
    assert state["error"] == {"code": "truncated_file", "message": answer.json()["message"]}
    again = sending.send(5000, b"")
    assert (again.status_code, again.json()) == (400, answer.json())
    assert not Scan.objects.exists()
    assert not [p for p in Path(settings.MEDIA_ROOT).rglob("*") if p.is_file()]


def test_a_scan_that_is_already_there_is_named(upload: Upload) -> None:
    first = upload().send(0)["Falx-Scan"]
    sending = upload()
    answer = sending.send(0)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_scan")
    assert answer.json()["scan"] == first
    assert (sending.head()["Falx-State"], sending.head()["Falx-Scan"]) == ("rejected", first)
    assert Scan.objects.count() == Analysis.objects.count() == 1


def test_an_empty_file_is_refused_like_any_other(as_doctor: APIClient, patient: Patient) -> None:
    answer = Uploader(as_doctor, patient, b"").begin()
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_file")


def test_an_upload_that_was_given_up_is_gone_with_its_bytes(
    upload: Upload, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sending = upload()
    sending.send(0, sending.data[:1000])
    with django_capture_on_commit_callbacks(execute=True):
        assert sending.delete().status_code == 204
    assert sending.head().status_code == sending.send(1000).status_code == 404
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.part"))


def test_giving_up_a_finished_upload_leaves_its_scan(upload: Upload) -> None:
    sending = upload()
    sending.send(0)
    assert sending.delete().status_code == 204
    assert Scan.objects.count() == 1


def test_only_the_uploader_who_may_still_write_sees_an_upload(
    upload: Upload, api: Any, doctor: User, other_doctor: User, patient: Patient
) -> None:
    sending = upload()
    CareTeamMember.objects.create(
        patient=patient, user=other_doctor, level=CareTeamMember.Level.WRITER
    )
    stranger = Uploader(api(other_doctor), patient, sending.data)
    stranger.location = sending.location
    assert stranger.head().status_code == stranger.send(0).status_code == 404
    assert stranger.delete().status_code == 404

    mine = CareTeamMember.objects.get(patient=patient, user=doctor)
    mine.level = CareTeamMember.Level.READER
    mine.save()
    assert sending.send(0).json()["code"] == "read_only_access"
    assert sending.begin().json()["code"] == "read_only_access"
    mine.delete()
    sending.location = stranger.location
    assert sending.send(0).status_code == sending.begin().status_code == 404
    assert not Scan.objects.exists()


def test_each_request_is_written_down_once(upload: Upload, patient: Patient) -> None:
    sending = upload()
    sending.send(0)
    sending.head()
    noted = Event.objects.filter(patient_id=patient.id).order_by("at")
    assert [event.action for event in noted] == ["upload.begin", "upload.append", "upload.read"]


def test_what_has_waited_too_long_is_gone(upload: Upload) -> None:
    sending = upload()
    sending.send(0, sending.data[:1000])
    ResumableUpload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sending.head().status_code == 410
    assert sending.send(1000).json()["code"] == "upload_expired"


def test_every_part_buys_time(upload: Upload) -> None:
    sending = upload()
    ResumableUpload.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    answer = sending.send(0, sending.data[:1000])
    assert parse_http_date(answer["Upload-Expires"]) > timezone.now().timestamp() + 23 * 3600


def test_with_a_key_a_lost_answer_costs_no_second_upload(
    as_doctor: APIClient, patient: Patient
) -> None:
    sending = Uploader(as_doctor, patient, sample("glioma").read_bytes())
    key = {"Idempotency-Key": "my-slice"}
    assert sending.begin(**key)["Location"] == sending.begin(**key)["Location"]
    assert ResumableUpload.objects.count() == 1
    other = sending.begin(**key, **{"Upload-Length": "17"})
    assert other.json()["code"] == "idempotency_key_reused"

    sending.begin(**key)
    first, again = (sending.send(0, Idempotency_Key="part-1") for _ in range(2))
    assert (again.status_code, again["Falx-Scan"]) == (204, first["Falx-Scan"])
    moved = sending.send(17, Idempotency_Key="part-1")
    assert moved.json()["code"] == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_file_is_decoded(upload: Upload) -> None:
    open_then: list[bool] = []

    def watched(data: bytes) -> DecodedSlice:
        open_then.append(connection.in_atomic_block)
        return decode(data)

    with patch("scans.services.decode", watched):
        assert upload().send(0)["Falx-State"] == "finished"
    assert open_then == [False]
