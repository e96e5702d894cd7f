"""Storing over DICOMweb, and the viewer's way in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pydicom.dataset import Dataset
from rest_framework.test import APIClient

from accounts.models import User
from accounts.systems.models import SystemAccount
from accounts.systems.services import create_system, new_secret
from audit.models import Event
from backend.asgi import KeepWhatArrived
from dicom.dicomweb.multipart import Writer
from dicom.models import Arrival
from patients.models import Patient, PatientIdentifier
from patients.services import create_patient
from scans.models import Instance, Series
from scans.series.services import file_instance, settle_quiet
from tests.series.make import as_bytes, make_series, uid

STUDIES = "/dicomweb/studies"
NOT_UNDERSTOOD, NOT_MATCHING = 0xC000, 0xA900


@pytest.fixture
def known(patient: Patient) -> Patient:
    """The patient whose number the objects have."""
    PatientIdentifier.objects.create(patient=patient, issuer="Hospital", value="P-17")
    return patient


def sent(slices: int = 2, **changes: Any) -> list[Dataset]:
    return make_series(slices=slices, **{"IssuerOfPatientID": "Hospital", **changes})


def post(
    client: APIClient,
    *contents: bytes,
    url: str = STUDIES,
    part_type: str = "application/dicom",
    cut: int = 0,
    **headers: str,
) -> Any:
    writer = Writer("application/dicom")
    body = b"".join(writer.head(part_type) + one for one in contents) + writer.end()
    body = body[: len(body) - cut]
    http: Any = client
    return http.generic("POST", url, body, content_type=writer.content_type, headers=headers)


def reasons(answer: Any, sequence: str) -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json()[sequence]["Value"]]


FAILED, OTHERS, REFERENCED = "00081198", "0008119A", "00081199"


def test_what_is_stored_is_in_the_file_and_its_series_whole(
    as_doctor: APIClient, known: Patient
) -> None:
    series = sent()
    answer = post(as_doctor, *map(as_bytes, series))
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/dicom+json"
    assert list(answer.json()) == [REFERENCED]
    first, _ = answer.json()[REFERENCED]["Value"]
    assert first["00081155"]["Value"] == [series[0].SOPInstanceUID]
    address = first["00081190"]["Value"][0]
    stored: Any = as_doctor.get(address, headers={"Accept": "application/dicom"})
    assert b"".join(stored.streaming_content) == as_bytes(series[0])
    assert Series.objects.get(study__patient=known).settled_at is not None
    event = Event.objects.get(action="study.store")
    assert event.details == {"patients": [str(known.pk)]}


def test_the_same_again_is_no_failure_and_makes_nothing(
    as_doctor: APIClient, known: Patient
) -> None:
    data = [as_bytes(one) for one in sent()]
    assert post(as_doctor, *data).status_code == 200
    assert post(as_doctor, *data).status_code == 200
    assert Instance.objects.count() == 2


def test_what_nobody_here_can_be_found_for_waits_in_the_inbox(
    as_doctor: APIClient, known: Patient
) -> None:
    answer = post(as_doctor, as_bytes(sent(1, PatientID="Unknown")[0]))
    assert answer.status_code == 200
    (item,) = answer.json()[REFERENCED]["Value"]
    assert item["00081190"] == {"vr": "UR"}
    assert (Instance.objects.count(), Arrival.objects.count()) == (0, 1)


def test_a_slice_that_comes_alone_says_nothing_of_the_end_of_its_series(
    as_doctor: APIClient, known: Patient
) -> None:
    for one in sent():
        assert post(as_doctor, as_bytes(one)).status_code == 200
    assert Series.objects.get().settled_at is None


def test_junk_costs_only_itself(as_doctor: APIClient, known: Patient) -> None:
    good, cut = (as_bytes(one) for one in sent())
    answer = post(as_doctor, b"junk", good, cut[:-100])
    assert answer.status_code == 202
    assert len(answer.json()[REFERENCED]["Value"]) == 1
    assert reasons(answer, FAILED) == [NOT_UNDERSTOOD]
    assert reasons(answer, OTHERS) == [NOT_UNDERSTOOD]
    assert Instance.objects.count() == 1


def test_parts_of_another_kind_and_too_large_ones_are_refused(
    as_doctor: APIClient, known: Patient, settings: Any
) -> None:
    (data,) = (as_bytes(one) for one in sent(1))
    answer = post(as_doctor, data, part_type="image/jpeg")
    assert (answer.status_code, reasons(answer, OTHERS)) == (409, [NOT_UNDERSTOOD])
    settings.MAX_INSTANCE_BYTES = 1000
    answer = post(as_doctor, data)
    assert (answer.status_code, reasons(answer, OTHERS)) == (409, [NOT_UNDERSTOOD])
    assert not Instance.objects.exists()


def test_only_objects_of_the_study_come_into_it(as_doctor: APIClient, known: Patient) -> None:
    data = as_bytes(sent(1)[0])
    refused = post(as_doctor, data, url=f"{STUDIES}/1.2.3")
    assert (refused.status_code, reasons(refused, FAILED)) == (409, [NOT_MATCHING])
    taken = post(as_doctor, data, url=f"{STUDIES}/{uid('study', '1')}")
    assert taken.status_code == 200
    assert taken.json()["00081190"]["Value"][0].endswith(uid("study", "1"))


def test_of_a_body_that_broke_off_the_whole_parts_are_kept_and_the_series_stays_open(
    as_doctor: APIClient, known: Patient
) -> None:
    answer = post(as_doctor, *map(as_bytes, sent()), cut=300)
    assert answer.status_code == 202
    assert Instance.objects.count() == 1
    series = Series.objects.get()
    assert series.settled_at is None
    assert [problem["code"] for problem in series.problems] == ["transfer_broken"]
    for one in sent():  # the sender goes on, with a request for each
        assert post(as_doctor, as_bytes(one)).status_code == 200
    Series.objects.update(received_at=timezone.now() - timedelta(hours=1))
    settle_quiet()
    assert Series.objects.get().problems == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/related; type=application/dicom", 400),
        ("multipart/related; type=application/dicom; boundary=other", 400),
        ("multipart/related; type=application/dicom+json; boundary=b", 415),
        ("application/dicom", 415),
        ("multipart/form-data; boundary=b", 415),
    ],
)
def test_other_bodies_are_refused(
    as_doctor: Any, known: Patient, content_type: str, status: int
) -> None:
    answer = as_doctor.generic("POST", STUDIES, b"--b\r\n\r\nx\r\n--b--", content_type=content_type)
    assert answer.status_code == status


def test_whoever_wants_another_answer_hears_it_before_anything_is_kept(
    as_doctor: APIClient, known: Patient
) -> None:
    answer = post(as_doctor, as_bytes(sent(1)[0]), Accept="application/dicom+xml")
    assert answer.status_code == 406
    assert not Instance.objects.exists()


def test_objects_of_others_patients_do_not_come_into_their_files(
    api: Callable[[User | None], APIClient], other_doctor: User, known: Patient
) -> None:
    answer = post(api(other_doctor), as_bytes(sent(1)[0]))
    assert answer.status_code == 200
    assert not Instance.objects.exists()
    assert Arrival.objects.count() == 1


def bearing(system: SystemAccount, secret: str, scope: str) -> APIClient:
    """A system that has just got itself a token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": system.client_id,
        "client_secret": secret,
        "scope": scope,
    }
    token = APIClient().post(reverse("oauth-token"), form, format="multipart").json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token['access_token']}")
    return client


def test_a_system_stores_and_finds_what_its_scopes_and_numbers_let_it(
    known: Patient, other_doctor: User
) -> None:
    theirs = create_patient(user=other_doctor, family_name="Saad")
    file_instance(patient=theirs, data=as_bytes(make_series(slices=1, study="2")[0]))
    scopes = ["system/DICOM.read", "system/DICOM.write"]
    system = create_system(by=None, name="PACS", issuers=["Hospital"], scopes=scopes)
    secret = new_secret(by=None, system=system)
    data = as_bytes(sent(1)[0])

    reader = bearing(system, secret, scopes[0])
    assert post(reader, data).status_code == 403
    writer = bearing(system, secret, scopes[1])
    assert post(writer, data).status_code == 200
    assert writer.get(STUDIES).status_code == 403
    (found,) = reader.get(STUDIES).json()
    assert found["0020000D"]["Value"] == [uid("study", "1")]
    assert reader.get(f"{STUDIES}/{uid('study', '1')}/metadata").status_code == 200
    assert reader.get(f"{STUDIES}/{uid('study', '2')}/metadata").status_code == 404


def test_a_browsers_session_stores_nothing_without_its_token(doctor: User, known: Patient) -> None:
    browser: Any = Client(enforce_csrf_checks=True)
    browser.force_login(doctor, backend="django.contrib.auth.backends.ModelBackend")
    assert post(browser, as_bytes(sent(1)[0])).status_code == 403
    assert not Instance.objects.exists()


def test_a_connection_that_breaks_ends_the_body_there() -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["more_body"]:
            got.append(message["body"])

    async def receive() -> Any:
        part = {"type": "http.request", "body": b"--b", "more_body": True}
        return {"type": "http.disconnect"} if got else part

    scope = {"type": "http", "method": "POST", "path": STUDIES, "headers": []}
    unused: Any = None
    asyncio.run(KeepWhatArrived(app)(scope, receive, unused))
    assert got == [b"--b"]


def test_the_viewers_pages_are_there_where_it_is_set_up(
    client: Client, doctor: User, student: User, tmp_path: Path, settings: Any
) -> None:
    assert client.get("/viewer/").status_code == 404
    settings.OHIF_DIR = str(tmp_path)
    (tmp_path / "index.html").write_text('<script src="/app-config.js"></script>')
    asked = client.get("/viewer/viewer?StudyInstanceUIDs=1.2")
    assert asked.headers["Location"].startswith("/viewer/sign-in?next=")
    form = {"username": student.email, "password": "correct horse battery staple"}
    assert "opens no studies" in client.post("/viewer/sign-in", form).content.decode()
    form["username"] = doctor.email
    entered = client.post(asked.headers["Location"], form)
    assert entered.headers["Location"] == "/viewer/viewer?StudyInstanceUIDs=1.2"
    assert client.get("/viewer/").content == b'<script src="/viewer/settings.js"></script>'
    assert '"/dicomweb"' in client.get("/viewer/settings.js").content.decode()
    assert client.get(STUDIES).status_code == 200


def test_damaged_sequences_cost_a_picture_and_no_more(as_doctor: APIClient, known: Patient) -> None:
    (one,) = sent(1)
    data = bytearray(as_bytes(one))
    at = data.index(b"\xe0\x7f\x10\x00OW")
    data[at:at] = b"\x00\x52\x29\x92SQ\0\0\x06\0\0\0items!"  # Shared Functional Groups
    answer = post(as_doctor, bytes(data))
    assert answer.status_code == 200
    address = answer.json()[REFERENCED]["Value"][0]["00081190"]["Value"][0]
    assert as_doctor.get(f"{address}/rendered").status_code == 406
