"""A write with an `Idempotency-Key` happens once, and is answered the same each time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from backend.idempotency.models import StoredAnswer
from backend.idempotency.services import claimed
from backend.idempotency.tasks import purge
from inference.models import Analysis
from patients.models import CareTeamMember, Patient
from patients.services import create_patient
from scans.models import Scan
from tests.samples import sample

PATIENTS = "/api/v1/patients"
HADDAD = {"family_name": "Haddad"}


@pytest.fixture
def key() -> str:
    return str(uuid4())


@pytest.fixture
def create(as_doctor: APIClient, key: str) -> Callable[..., Any]:
    """Return a function that opens a file with one and the same key."""

    def post(body: object = HADDAD, client: APIClient = as_doctor, key: str = key) -> Any:
        return client.post(PATIENTS, body, headers={"Idempotency-Key": key})

    return post


def test_the_same_request_again_is_answered_as_the_first(create: Any) -> None:
    first, again = create(), create()
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first["ETag"] == again["ETag"]
    assert first["Content-Type"] == again["Content-Type"]
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Patient.objects.count() == 1


def test_without_a_key_every_request_is_its_own(as_doctor: APIClient) -> None:
    assert (
        as_doctor.post(PATIENTS, HADDAD).json()["id"]
        != as_doctor.post(PATIENTS, HADDAD).json()["id"]
    )


def test_another_request_under_the_same_key_is_refused(
    create: Any, as_doctor: APIClient, key: str
) -> None:
    patient = create().json()
    others = [
        create({"family_name": "Khoury"}),
        as_doctor.post(f"{PATIENTS}?x=1", HADDAD, headers={"Idempotency-Key": key}),
        as_doctor.patch(
            reverse("patient", args=[patient["id"]]),
            HADDAD,
            headers={"Idempotency-Key": key, "If-Match": "*"},
        ),
    ]
    for answer in others:
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert [p.family_name for p in Patient.objects.all()] == ["Haddad"]


def test_keys_of_different_users_never_meet(create: Any, api: Any, other_doctor: User) -> None:
    mine, theirs = create(), create(client=api(other_doctor))
    assert mine.status_code == theirs.status_code == 201
    assert mine.json()["id"] != theirs.json()["id"]


def test_an_upload_again_is_the_same_scan_whatever_the_boundary(
    as_doctor: APIClient, patient: Patient, key: str
) -> None:
    def upload(name: str, boundary: str) -> Any:
        data = sample(name).read_bytes()
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="slice.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        return as_doctor.generic(
            "POST",
            reverse("scans", args=[patient.id]),
            head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),  # type: ignore[arg-type]
            content_type=f"multipart/form-data; boundary={boundary}",
            headers={"Idempotency-Key": key},
        )

    first = upload("glioma", "----formdata-17")
    assert first.status_code == 201
    again = upload("glioma", "another-boundary-of-another-length")
    assert (again.status_code, again.content) == (201, first.content)
    assert upload("meningioma", "----formdata-17").json()["code"] == "idempotency_key_reused"
    assert Scan.objects.count() == Analysis.objects.count() == 1


def test_a_refusal_is_the_answer_too(create: Any, as_doctor: APIClient, patient: Patient) -> None:
    first, again = create({"family_name": ""}), create({"family_name": ""})
    assert first.status_code == again.status_code == 400
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"

    def edit(match: str) -> Any:
        headers = {"Idempotency-Key": "edit", "If-Match": match}
        return as_doctor.patch(reverse("patient", args=[patient.id]), {}, headers=headers)

    assert edit('"old"').status_code == edit('"old"').status_code == 412
    assert edit("*").json()["code"] == "idempotency_key_reused"


def test_a_failure_undoes_everything_and_the_next_try_runs(
    as_doctor: APIClient, create: Any
) -> None:
    as_doctor.raise_request_exception = False

    def half_done(**fields: Any) -> Patient:
        create_patient(**fields)
        raise RuntimeError("the disk is full")

    with patch("patients.services.create_patient", half_done):
        assert create().status_code == 500
    assert not Patient.objects.exists()
    answer = create()
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_what_was_about_the_caller_is_tried_again(
    create: Any, api: Any, patient: Patient, doctor: User, other_doctor: User, key: str
) -> None:
    assert create(client=api(None)).status_code == 401
    assert create().status_code == 201

    member = CareTeamMember.objects.create(
        patient=patient, user=other_doctor, level=CareTeamMember.Level.READER
    )

    def edit() -> Any:
        return api(other_doctor).patch(
            reverse("patient", args=[patient.id]),
            {"given_name": "Rima"},
            headers={"Idempotency-Key": key, "If-Match": "*"},
        )

    assert edit().status_code == 403
    member.level = CareTeamMember.Level.WRITER
    member.save()
    assert edit().status_code == 200


def test_nobody_is_answered_who_may_no_longer_ask(create: Any, doctor: User, api: Any) -> None:
    assert create().status_code == 201
    doctor.role = User.Role.STUDENT
    doctor.save()
    assert create(client=api(doctor)).status_code == 404


@pytest.mark.parametrize("bad", ["", '""', "x" * 256, "two words", "schlüssel", "tab\tbed", "\x7f"])
def test_a_key_that_is_none_is_refused(create: Any, bad: str) -> None:
    answer = create(key=bad)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert not Patient.objects.exists()


def test_a_key_may_be_long_and_may_stand_in_quotes(create: Any) -> None:
    long = "!~" * 127 + "x"
    assert create(key=long).json() == create(key=f'"{long}"').json()


def test_the_token_and_the_session_of_a_user_share_their_keys(doctor: User, key: str) -> None:
    doctor.set_password("correct horse battery staple")
    doctor.save()
    phone = Client()
    login = {"email": doctor.email, "password": "correct horse battery staple"}
    signed_in = phone.post("/_allauth/app/v1/auth/login", login, content_type="application/json")
    token = signed_in.json()["meta"]["session_token"]
    headers = {"Idempotency-Key": key}
    with_token = Client().post(
        PATIENTS,
        HADDAD,
        content_type="application/json",
        headers={**headers, "X-Session-Token": token},
    )
    browser = Client()
    browser.force_login(doctor, backend="django.contrib.auth.backends.ModelBackend")
    with_session = browser.post(PATIENTS, HADDAD, content_type="application/json", headers=headers)
    assert with_token.status_code == 201
    assert (with_session.status_code, with_session.content) == (201, with_token.content)

    forged = Client(enforce_csrf_checks=True)
    forged.force_login(doctor, backend="django.contrib.auth.backends.ModelBackend")
    refused = forged.post(PATIENTS, HADDAD, content_type="application/json", headers=headers)
    assert refused.status_code == 401


def test_a_large_answer_is_not_kept_but_the_write_still_happens_once(create: Any) -> None:
    with patch("backend.idempotency.services.MAX_BODY_BYTES", 10):
        assert create().status_code == 201
    again = create()
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_kept")
    assert Patient.objects.count() == 1


def test_keys_are_kept_for_a_day_and_then_purged(create: Any, settings: Any) -> None:
    first = create().json()["id"]
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=23))
    purge()
    assert create().json()["id"] == first
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    purge()
    assert create().json()["id"] != first


def test_reads_take_no_notice_of_a_key(as_doctor: APIClient, key: str) -> None:
    headers = {"Idempotency-Key": key}
    assert as_doctor.get(PATIENTS, headers=headers).json()["results"] == []
    as_doctor.post(PATIENTS, HADDAD)
    assert len(as_doctor.get(PATIENTS, headers=headers).json()["results"]) == 1


def test_messages_go_out_only_when_write_and_answer_are_committed(
    as_doctor: APIClient, patient: Patient, key: str, django_capture_on_commit_callbacks: Any
) -> None:
    file = SimpleUploadedFile("slice.jpg", sample("glioma").read_bytes())
    with patch("inference.services.send") as send, django_capture_on_commit_callbacks() as later:
        as_doctor.post(
            reverse("scans", args=[patient.id]),
            {"file": file},
            format="multipart",
            headers={"Idempotency-Key": key},
        )
        assert not send.called
    assert len(later) >= 1


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_carried_out_the_second_is_told_to_wait(
    create: Any, doctor: User, key: str, settings: Any
) -> None:
    settings.IDEMPOTENCY_WAIT_S = 0.05
    begun, ended = threading.Event(), threading.Event()

    def first_of_another_process() -> None:
        with claimed(doctor, key, "what was asked"):
            begun.set()
            ended.wait(timeout=30)
            transaction.set_rollback(True)  # as the database does when the process dies
        connection.close()

    first = threading.Thread(target=first_of_another_process)
    first.start()
    begun.wait(timeout=30)
    answer = create()
    ended.set()
    first.join(timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "request_in_progress")
    assert answer["Retry-After"] == "1"
    assert create().status_code == 201
