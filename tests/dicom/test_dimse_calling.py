"""Calling other systems: what they have, fetching it, and how they can fail."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from dicom.deliveries import jobs
from dicom.dimse import retrievals
from dicom.dimse.call import DimseError
from dicom.dimse.echo import echo
from dicom.dimse.find import described, find
from dicom.dimse.store import send
from dicom.models import Peer, Retrieval
from patients.models import Patient
from patients.services import create_patient
from scans.models import Instance, Series
from tests.dicom.listening import ISSUER, NUMBER
from tests.series.make import as_bytes, make_series

Api = Callable[[User | None], APIClient]


class Archive:
    """A PACS in this process; tests change what it has, and how it answers."""

    def __init__(self) -> None:
        self.has = make_series(slices=2)
        self.find_status = 0x0000
        self.got: list[Dataset] = []
        entity = AE(ae_title="PACS")
        for service in (
            Verification,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
        ):
            entity.add_supported_context(service)
        entity.add_supported_context(
            MRImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True
        )
        handlers = [
            (evt.EVT_C_FIND, self.find),
            (evt.EVT_C_GET, self.get),
            (evt.EVT_C_STORE, self.store),
        ]
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for one in self.has[:1]:
            match = Dataset()
            for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate"):
                setattr(match, keyword, one.get(keyword))
            match.NumberOfStudyRelatedInstances = 2
            yield 0xFF00, match
        if self.find_status:
            yield self.find_status, None

    def get(self, event: Any) -> Iterator[Any]:
        yield len(self.has)
        for one in self.has:
            yield 0xFF00, one

    def store(self, event: Any) -> int:
        self.got.append(event.request)
        return 0xA700 if len(self.got) == 1 else 0x0000


@pytest.fixture
def archive(settings: Any) -> Iterator[Archive]:
    settings.DICOM_ACSE_TIMEOUT_S = 5
    running = Archive()
    yield running
    running.server.shutdown()


@pytest.fixture
def peer(archive: Archive, db: None) -> Peer:
    return Peer.objects.create(
        name="PACS",
        ae_title="PACS",
        host="localhost",
        port=archive.server.server_address[1],
        issuer=ISSUER,
    )


@pytest.fixture
def patient(doctor: User) -> Patient:
    number = {"issuer": ISSUER, "value": NUMBER}
    return create_patient(user=doctor, family_name="Haddad", identifiers=[number])


def test_an_admin_makes_a_system_known_and_asks_whether_it_is_there(
    api: Api, admin: User, archive: Archive
) -> None:
    client = api(admin)
    said = {"name": "PACS", "ae_title": "PACS", "host": "127.0.0.1"}
    made = client.post("/api/v1/peers", said | {"port": archive.server.server_address[1]})
    assert made.status_code == 201
    address = f"/api/v1/peers/{made.data['id']}"
    assert client.post(f"{address}/echo").data["elapsed_ms"] >= 0
    assert client.post("/api/v1/peers", said | {"name": "2"}).data["field"] == "ae_title"
    assert client.post("/api/v1/peers", {"name": "3", "ae_title": "a\\b"}).status_code == 400
    assert client.patch(address, {"ae_title": ""}).status_code == 428
    tag = {"If-Match": made["ETag"]}
    assert client.patch(address, {"ae_title": ""}, headers=tag).data["ae_title"] is None
    assert client.post(f"{address}/echo").data["code"] == "no_dimse_address"
    assert client.delete(address).status_code == 204
    events = Event.objects.filter(subject_id=made.data["id"]).order_by("at")
    assert [event.action for event in events] == ["peer.create", "peer.edit", "peer.delete"]
    assert events[0].details["ae_title"] == "PACS"


def test_a_search_shows_what_a_system_has_and_is_written_down(
    api: Api, doctor: User, peer: Peer, archive: Archive
) -> None:
    client = api(doctor)
    address = f"/api/v1/peers/{peer.pk}/studies"
    (found,) = client.get(address, {"name": "Haddad", "date": "2024-01-01/2024-12-31"}).data
    assert (found["patient_number"], found["patient_name"]) == (NUMBER, "Haddad^Rana")
    assert (found["date"], found["instances"]) == ("2024-05-01", 2)
    event = Event.objects.get(action="pacs.search")
    assert event.details["name"] == "Haddad"
    assert client.get(address, {"name": "*"}).data["code"] == "criteria_required"
    assert client.get(address, {"accession": "A\\B"}).status_code == 400

    archive.find_status = 0xA700
    refused = client.get(address, {"name": "Haddad"})
    assert (refused.status_code, refused.data["code"]) == (502, "peer_failed")


def test_a_study_is_fetched_once_and_settled(
    api: Api, doctor: User, peer: Peer, patient: Patient, archive: Archive
) -> None:
    client = api(doctor)
    asked = {"peer": str(peer.pk), "study_uid": archive.has[0].StudyInstanceUID}
    queued = client.post(f"/api/v1/patients/{patient.pk}/retrievals", asked)
    twice = client.post(f"/api/v1/patients/{patient.pk}/retrievals", asked)
    assert (queued.status_code, queued.data["id"]) == (202, twice.data["id"])
    work(queued.data["id"])
    done = client.get(f"/api/v1/retrievals/{queued.data['id']}").data
    assert (done["status"], done["completed"], done["expected"]) == ("done", 2, 2)
    assert (done["partial"], done["error"]) == (False, None)
    series = Series.objects.get(study__patient=patient)
    assert (series.instances.count(), series.settled_at is not None) == (2, True)
    assert {one.sender_id for one in series.instances.all()} == {peer.pk}  # results go there
    event = Event.objects.get(action="retrieval.fetch")
    assert event.patient_id == patient.pk
    assert event.details["confirm_other_number"] is False


def test_what_is_not_the_patients_is_not_fetched(
    doctor: User, peer: Peer, patient: Patient, archive: Archive
) -> None:
    stranger = create_patient(user=doctor, family_name="Haddad", given_name="Rana")
    assert outcome(doctor, peer, stranger, archive) == ("failed", "number_of_another", 0)
    assert outcome(doctor, peer, stranger, archive, confirm_other_number=True)[1] == (
        "number_of_another"
    )
    archive.has = make_series(slices=2, PatientID="X-9")
    assert outcome(doctor, peer, stranger, archive) == ("failed", "other_number", 0)
    assert outcome(doctor, peer, stranger, archive, confirm_other_number=True) == ("done", "", 2)
    # It says one thing when it is asked, and sends another.
    archive.has = [*make_series(slices=1, study="7"), *make_series(slices=1, name="8", study="9")]
    assert outcome(doctor, peer, patient, archive) == ("done", "", 1)
    assert Retrieval.objects.latest("created_at").partial
    archive.has = []
    assert outcome(doctor, peer, patient, archive, "1.2.3")[1] == "study_not_found"


def test_a_system_that_is_away_refuses_or_says_nothing(
    peer: Peer, settings: Any, archive: Archive
) -> None:
    settings.DICOM_ACSE_TIMEOUT_S = 0.5
    archive.server.ae.require_called_aet = True
    peer.ae_title = "OTHER"
    assert failure(peer) == "peer_refused"
    peer.ae_title = "PACS"
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        peer.port = deaf.getsockname()[1]
        assert failure(peer) == "peer_silent"
    with socket.socket() as closed:  # holds its port, which nobody else can then listen at
        closed.bind(("127.0.0.1", 0))
        peer.port = closed.getsockname()[1]
        assert failure(peer) == "peer_unreachable"
    peer.host = "no.such.host.invalid"
    assert failure(peer) == "peer_unreachable"
    peer.tls = True
    peer.host = "127.0.0.1"
    assert failure(peer) == "no_certificate"


def test_a_system_that_never_answers_a_question(
    peer: Peer, settings: Any, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DICOM_DIMSE_TIMEOUT_S = 0.3
    monkeypatch.setattr("pynetdicom.service_class.QueryRetrieveServiceClass.SCP", lambda *_: None)
    with pytest.raises(DimseError) as silent:
        find(peer, PatientID="1")
    assert silent.value.code == "peer_broke_off"


def test_what_is_sent_is_decompressed_where_it_must_be_and_refusals_are_errors(
    peer: Peer, archive: Archive, tmp_path: Any
) -> None:
    (plain,) = make_series(slices=1)
    (packed,) = make_series(slices=1)
    packed.compress(RLELossless, generate_instance_uid=False)
    paths = [tmp_path / "plain.dcm", tmp_path / "packed.dcm"]
    for path, dataset in zip(paths, (plain, packed), strict=True):
        path.write_bytes(as_bytes(dataset))
    with pytest.raises(DimseError, match="A700"):
        send(peer, paths)
    assert send(peer, paths) == [0, 0]
    assert len(archive.got) == 4


def work(retrieval_id: Any) -> Retrieval:
    jobs.run(Retrieval, retrieval_id, retrievals.run)
    return Retrieval.objects.get(pk=retrieval_id)


def outcome(
    doctor: User, peer: Peer, patient: Patient, archive: Archive, study_uid: str = "", **said: Any
) -> tuple[str, str, int]:
    """Status, error and number of objects of a retrieval."""
    before = Instance.objects.count()
    asked = retrievals.request_retrieval(
        user=doctor,
        patient=patient,
        peer=peer,
        study_uid=study_uid or archive.has[0].StudyInstanceUID,
        **said,
    )
    ended = work(asked.pk)
    return ended.status, ended.error_code, Instance.objects.count() - before


def failure(peer: Peer) -> str:
    with pytest.raises(DimseError) as failed:
        echo(peer)
    return failed.value.code


def test_what_another_system_counts_may_be_absurd() -> None:
    said = Dataset()
    said.NumberOfStudyRelatedInstances = "99999999999"
    said.NumberOfStudyRelatedSeries = "-3"
    found = described(said)
    assert (found.instances, found.series) == (None, None)
