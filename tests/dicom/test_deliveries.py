"""Results go to who wants them: once, again where that is safe, never round in circles."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import pydicom
import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from pydicom.uid import UID
from rest_framework.test import APIClient

from accounts.models import User
from accounts.systems.services import create_system
from dicom import dicomweb_client
from dicom.deliveries import tasks
from dicom.dicomweb_client import PeerError
from dicom.inbox.services import Source, receive
from dicom.models import Delivery, Peer, Publication
from dicom.objects.services import publish_later
from inference.models import SeriesAnalysis
from patients.models import Patient
from patients.services import create_patient
from scans.models import Instance
from tests.dicom.pacs import Pacs, pacs
from tests.dicom.readings import outline, read_series
from tests.series.make import as_bytes, make_series

Status = Delivery.Status


@pytest.fixture
def server() -> Iterator[Pacs]:
    with pacs() as running:
        yield running


@pytest.fixture
def peer(db: None, server: Pacs) -> Peer:
    return Peer.objects.create(
        name="PACS", dicomweb_url=server.url, wants_results=True, issuer="Hospital"
    )


@pytest.fixture
def analysis(peer: Peer, patient: Patient) -> SeriesAnalysis:
    return read_series(patient, make_series(slices=6), outline(6, 32, 32), sender=peer)


def published(analysis: SeriesAnalysis) -> list[Delivery]:
    publication = publish_later(analysis=analysis, version=0)
    tasks.publish(str(publication.pk))
    publication.refresh_from_db()
    assert publication.status == Publication.Status.DONE
    return list(Delivery.objects.order_by("created_at"))


def due() -> None:
    """Let the time pass that open deliveries wait for, then sweep."""
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(status__in=Delivery.OPEN).update(due_at=past)
    tasks.sweep_deliveries()


def test_every_object_is_sent_once(peer: Peer, server: Pacs, analysis: SeriesAnalysis) -> None:
    deliveries = published(analysis)
    for delivery in deliveries * 2:
        tasks.deliver(str(delivery.pk))
    due()
    assert len(deliveries) == len(server.asked) == 4
    assert set(Delivery.objects.values_list("status", "error", "attempts")) == {("done", "", 1)}
    for delivery, (method, path, headers, body) in zip(deliveries, server.asked, strict=True):
        assert (method, path) == ("POST", "/dicom-web/studies")
        assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"')
        assert Path(delivery.instance.file.path).read_bytes() in body


def test_who_gets_a_result(peer: Peer, analysis: SeriesAnalysis) -> None:
    url = peer.dicomweb_url
    Peer.objects.create(
        name="Archive", issuer="Hospital", dicomweb_url=url, wants_results=True
    )  # gives its patients the same numbers as the sender
    Peer.objects.create(name="Elsewhere", issuer="Clinic", dicomweb_url=url, wants_results=True)
    Peer.objects.create(name="Nameless", dicomweb_url=url, wants_results=True)
    Peer.objects.create(name="Quiet", issuer="Hospital", dicomweb_url=url)
    Peer.objects.create(
        name="Off", issuer="Hospital", dicomweb_url=url, wants_results=True, active=False
    )
    assert {one.peer.name for one in published(analysis)} == {"PACS", "Archive"}


def test_nobody_gets_results_of_what_a_doctor_uploaded(peer: Peer, patient: Patient) -> None:
    assert published(read_series(patient, make_series(slices=6), outline(6, 32, 32))) == []


def test_a_new_name_changes_nothing_of_where_results_go(
    peer: Peer, analysis: SeriesAnalysis, api: Callable[[User], APIClient], admin: User
) -> None:
    answer = api(admin).patch(
        f"/api/v1/peers/{peer.pk}", {"name": "Archive"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.content
    Peer.objects.create(name="PACS", dicomweb_url=peer.dicomweb_url, wants_results=True)
    assert {one.peer for one in published(analysis)} == {peer}


def test_nobody_gets_results_of_what_an_account_of_the_same_name_sent(
    peer: Peer, patient: Patient, doctor: User, analysis: SeriesAnalysis
) -> None:
    system = create_system(
        by=None, name=peer.name, issuers=["Hospital"], scopes=["system/DICOM.cu"]
    ).user
    assert str(system) == peer.name
    Instance.objects.update(sender_id=None, received_by=system)
    senders = import_module("dicom.migrations.0006_senders_of_instances")
    senders.name_senders(apps, None)
    assert published(analysis) == []


def test_what_was_sent_before_keys_were_kept_is_still_its_senders(
    peer: Peer, analysis: SeriesAnalysis
) -> None:
    Instance.objects.update(sender_id=None)
    senders = import_module("dicom.migrations.0006_senders_of_instances")
    senders.name_senders(apps, None)
    assert {one.peer for one in published(analysis)} == {peer}


def test_a_failure_is_tried_again_and_given_up_in_the_end(
    peer: Peer,
    server: Pacs,
    analysis: SeriesAnalysis,
    settings: LazySettings,
    admin: User,
    api: Callable[[User], APIClient],
) -> None:
    settings.DICOM_DELIVERY_ATTEMPTS = 2
    server.status = 503
    first, *_ = published(analysis)
    tasks.deliver(str(first.pk))
    first.refresh_from_db()
    assert (first.status, first.error) == (Status.WAITING, "It answered with HTTP 503.")
    assert first.due_at > timezone.now()
    tasks.deliver(str(first.pk))
    first.refresh_from_db()
    assert (first.status, first.attempts) == (Status.FAILED, 2)

    server.status = 200
    answer = api(admin).post(f"/api/v1/deliveries/{first.pk}/retry")
    assert (answer.status_code, answer.data["status"]) == (200, "waiting")
    again = api(admin).post(f"/api/v1/deliveries/{first.pk}/retry")
    assert (again.status_code, again.data["code"]) == (409, "not_retryable")
    tasks.deliver(str(first.pk))
    first.refresh_from_db()
    assert (first.status, first.attempts, first.error) == (Status.DONE, 1, "")


def test_what_a_peer_refuses_for_good_is_not_sent_again(
    peer: Peer, server: Pacs, analysis: SeriesAnalysis
) -> None:
    first, second, third, _ = published(analysis)
    server.status = 415
    tasks.deliver(str(first.pk))
    server.status = 200
    server.body = (
        b'{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [272]}}]}}'
    )
    tasks.deliver(str(second.pk))
    Peer.objects.update(active=False)
    tasks.deliver(str(third.pk))
    assert list(Delivery.objects.order_by("created_at").values_list("status", "error"))[:3] == [
        ("failed", "It answered with HTTP 415."),
        ("failed", "It did not keep the object: failure reason 0x0110."),
        ("failed", "This system is switched off."),
    ]


def test_a_worker_that_dies_loses_nothing_and_owns_nothing(
    peer: Peer, server: Pacs, analysis: SeriesAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sent the object, and died before it could say so: another sends it again."""
    first, *_ = published(analysis)
    Delivery.objects.exclude(pk=first.pk).delete()

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("dicom.deliveries.jobs._settle", die)
        with pytest.raises(SystemExit):
            tasks.deliver(str(first.pk))
    first.refresh_from_db()
    assert first.status == Status.RUNNING
    due()
    first.refresh_from_db()
    assert first.status == Status.WAITING
    tasks.deliver(str(first.pk))
    first.refresh_from_db()
    assert first.status == Status.DONE
    assert server.asked[0][3].count(b"DICM") == 1
    assert len(server.asked) == 2


def test_a_result_that_comes_back_is_recognised(peer: Peer, server: Pacs, doctor: User) -> None:
    """A PACS that forwards all it has sends us our own objects: nothing comes of it."""
    patient = create_patient(
        user=doctor,
        family_name="Haddad",
        sex="female",
        birth_date=date(1980, 2, 3),
        identifiers=[{"issuer": "Hospital", "value": "P-17"}],
    )
    series = make_series(slices=6)
    analysis = read_series(patient, series, outline(6, 32, 32), sender=peer)
    deliveries = published(analysis)
    instances = set(Instance.objects.values_list("pk", flat=True))
    for delivery in deliveries:
        data = Path(delivery.instance.file.path).read_bytes()
        received = receive(data=data, source=Source(peer, None, peer.name))
        assert received.status == "already_there"
        assert received.instance == delivery.instance
    changed = pydicom.dcmread(deliveries[0].instance.file.path)
    changed.InstitutionName = "Written in by the PACS"
    received = receive(data=as_bytes(changed), source=Source(peer, None, peer.name))
    assert received.status == "waiting"  # for a person, who discards it
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    received = receive(data=as_bytes(changed), source=Source(peer, None, peer.name))
    assert received.status == "waiting"  # in a series of ours it would pass for a result of ours
    due()
    assert set(Instance.objects.values_list("pk", flat=True)) == instances
    assert SeriesAnalysis.objects.count() == Publication.objects.count() == 1
    assert Delivery.objects.count() == len(deliveries)


def test_doctors_see_where_results_went(
    peer: Peer,
    server: Pacs,
    analysis: SeriesAnalysis,
    as_doctor: APIClient,
    other_doctor: User,
    api: Callable[[User], APIClient],
    admin_site: Client,
) -> None:
    published(analysis)
    address = f"/api/v1/series/{analysis.series_id}/deliveries"
    found = as_doctor.get(address).data["results"]
    assert {(one["peer"], one["modality"], one["status"]) for one in found} == {
        ("PACS", modality, "waiting") for modality in ("SEG", "SR", "OT", "DOC")
    }
    report = Instance.objects.get(series__modality="SR")
    assert len(as_doctor.get(f"/api/v1/series/{report.series_id}/deliveries").data["results"]) == 1
    assert api(other_doctor).get(address).status_code == 404
    assert as_doctor.post(f"/api/v1/deliveries/{found[0]['id']}/retry").status_code == 404
    assert "PACS" in admin_site.get("/admin/dicom/delivery/").content.decode()
    assert "Haddad" in admin_site.get("/admin/dicom/publication/").content.decode()


def test_admins_do_again_what_was_given_up(
    peer: Peer, analysis: SeriesAnalysis, admin_site: Client
) -> None:
    published(analysis)
    Publication.objects.update(status=Status.FAILED, attempts=12, error="The disk was full.")
    form = {"action": "retry", "_selected_action": [str(Publication.objects.get().pk)]}
    admin_site.post("/admin/dicom/publication/", form)
    admin_site.post("/admin/dicom/publication/", form)
    publication = Publication.objects.get()
    assert (publication.status, publication.attempts) == (Publication.Status.WAITING, 0)


def parts(*objects: bytes) -> bytes:
    head = b"\r\n--a b\r\nContent-Type: application/dicom\r\n\r\n"
    return b"preamble" + b"".join(head + one for one in objects) + b"\r\n--a b--\r\nepilogue"


MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary="a b"'}


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_retrieved_objects_are_the_bytes_that_were_sent(
    peer: Peer, server: Pacs, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(dicomweb_client, "_CHUNK", chunk)
    objects = [as_bytes(make_series(slices=1, rows=2, columns=2)[0]), b"\r\n--a \r\n\r\n", b""]
    server.headers, server.body = MULTIPART, parts(*objects)
    assert list(dicomweb_client.retrieve(peer, "1.2.3")) == objects


def test_a_peer_cannot_lead_elsewhere_or_flood(
    peer: Peer, server: Pacs, settings: LazySettings
) -> None:
    def failure() -> tuple[str, bool]:
        with pytest.raises(PeerError) as refused:
            list(dicomweb_client.retrieve(peer, "1.2.3"))
        return refused.value.message, refused.value.lasting

    with pytest.raises(PeerError):
        list(dicomweb_client.retrieve(peer, "../../admin"))
    assert not server.asked
    server.status, server.headers = 302, {"Location": "http://169.254.169.254/"}
    assert failure() == ("It answered with HTTP 302.", True)
    server.status, server.headers = 200, {"Content-Type": "text/html"}
    assert failure()[0] == "It did not answer in parts, as objects come."
    server.headers, server.body = MULTIPART, parts(bytes(1000))[:-20]
    assert failure() == ("It broke off before the end of its answer.", False)
    server.cut, server.body = True, parts(bytes(1000))
    assert "broke off" in failure()[0]
    server.cut, server.body = False, parts(bytes(300_000))
    settings.DICOM_MAX_OBJECT_BYTES = 1000
    assert failure() == ("One of its objects is larger than is taken here.", True)


def test_passwords_come_from_the_environment(
    peer: Peer, server: Pacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = b"[]"
    peer.dicomweb_secret = "PEER_PACS"
    with pytest.raises(PeerError, match="PEER_PACS is not set"):
        dicomweb_client.search(peer)
    monkeypatch.setenv("PEER_PACS", "t0ken")
    monkeypatch.setenv("SECRET_KEY", "not for them")
    peer.dicomweb_secret = "SECRET_KEY"
    with pytest.raises(PeerError, match="SECRET_KEY is not set"):
        dicomweb_client.search(peer)
    with pytest.raises(ValidationError, match="begins with PEER_"):
        peer.full_clean()
    assert not server.asked
    peer.dicomweb_secret = "PEER_PACS"
    dicomweb_client.search(peer, PatientID="4711")
    peer.dicomweb_user = "falx"
    dicomweb_client.search(peer)
    bearer, basic = (headers["Authorization"] for _, _, headers, _ in server.asked)
    assert bearer == "Bearer t0ken"
    assert basic.startswith("Basic ")
    assert "PatientID=4711" in server.asked[0][1]
