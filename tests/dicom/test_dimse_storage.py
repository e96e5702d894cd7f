"""What other systems send by C-STORE: filed once, for known senders only, within bounds."""

import socket
import struct
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import P_DATA_TF

from accounts.models import User
from dicom.dimse import listener as listener_module
from dicom.dimse.listener import Listener
from dicom.models import Arrival
from patients.models import Patient
from patients.services import create_patient
from scans.models import Instance, Series
from scans.series.services import settle_quiet
from tests.dicom.listening import ISSUER, NUMBER, call, hang_up, listening, scanner
from tests.jobs.deployment import until
from tests.series.make import as_bytes, make_enhanced, make_series

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    settings.DICOM_ACSE_TIMEOUT_S = settings.DICOM_NETWORK_TIMEOUT_S = 5
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with listening() as running:
        yield running


@pytest.fixture
def patient(doctor: User) -> Patient:
    number = {"issuer": ISSUER, "value": NUMBER}
    return create_patient(user=doctor, family_name="Haddad", identifiers=[number])


@pytest.fixture
def _leaves_nothing(tmp_path: Path) -> Iterator[None]:
    yield
    until(lambda: not list(tmp_path.glob("*.dcm")), seconds=10)


def test_a_series_is_filed_byte_for_byte_and_settled_at_its_end(
    listener: Listener, patient: Patient, tmp_path: Path
) -> None:
    scanner()
    slices = make_series(slices=3)
    association = call(listener, *slices)
    assert association.send_c_echo().Status == 0x0000
    assert [association.send_c_store(each).Status for each in slices] == [0, 0, 0]
    series = Series.objects.get()
    assert (series.study.patient, series.settled_at) == (patient, None)
    hang_up(listener, association)
    assert Series.objects.get().settled_at is not None
    kept = [instance.file.open().read() for instance in Instance.objects.order_by("number")]
    sent = [as_bytes(each) for each in slices]
    assert [data[-2048:] for data in kept] == [data[-2048:] for data in sent]
    assert not list(tmp_path.glob("*.dcm"))


def test_the_same_object_twice_is_kept_once_and_another_with_its_uid_waits(
    listener: Listener, patient: Patient
) -> None:
    scanner()
    (one,) = make_series(slices=1)
    (other,) = make_series(slices=1, SeriesDescription="changed")
    association = call(listener)
    assert [association.send_c_store(each).Status for each in (one, one, other)] == [0, 0, 0]
    hang_up(listener, association)
    assert Instance.objects.count() == 1
    assert Arrival.objects.get().reason == Arrival.Reason.OTHER_CONTENT


def test_two_people_in_one_association(listener: Listener, patient: Patient) -> None:
    scanner()
    (known,) = make_series(slices=1)
    (unknown,) = make_series(slices=1, study="2", PatientID="X-99")
    association = call(listener)
    assert [association.send_c_store(each).Status for each in (known, unknown)] == [0, 0]
    hang_up(listener, association)
    assert Instance.objects.get().series.study.patient == patient
    assert Arrival.objects.get().patient_number == "X-99"


def test_a_slice_alone_is_not_yet_a_series_but_a_whole_volume_is(
    listener: Listener, patient: Patient
) -> None:
    scanner()
    (one,), volume = make_series(slices=1), make_enhanced(slices=3)
    for dataset in (one, volume):
        association = call(listener, dataset)
        assert association.send_c_store(dataset).Status == 0x0000
        hang_up(listener, association)
    assert Series.objects.filter(settled_at__isnull=False).count() == 1
    assert Series.objects.get(settled_at=None).uid == one.SeriesInstanceUID


def test_strangers_are_turned_away(listener: Listener, settings: Any, db: None) -> None:
    peer = scanner(host="127.0.0.1")
    assert call(listener, title="STRANGER").is_rejected
    assert call(listener, called="SOMEBODY").is_rejected
    peer.active = False
    peer.save()
    assert call(listener).is_rejected
    peer.active, peer.host = True, "192.0.2.1"
    peer.save()
    settings.DICOM_CHECK_HOST = True
    assert call(listener).is_rejected
    settings.DICOM_CHECK_HOST = False
    association = call(listener)
    assert association.is_established
    hang_up(listener, association)


def test_who_may_not_store_is_told_so(listener: Listener, patient: Patient) -> None:
    scanner(may_store=False)
    association = call(listener)
    assert association.send_c_store(make_series()[0]).Status == 0x0124
    hang_up(listener, association)
    assert not Instance.objects.exists()


def test_objects_that_are_not_what_they_should_be(listener: Listener, patient: Patient) -> None:
    scanner()
    association = call(listener)
    good = make_series(slices=1)[0]
    assert send(association, good, sop_class="1.2.840.10008.5.1.4.1.1.2").Status == 0xA900
    assert send(association, good, instance="1.2.3").Status == 0xA900
    assert send(association, good, data=b"\x00" * 100).Status == 0xC000
    assert send(association, good, data=bare(good)[:-1000]).Status == 0xC000
    del good.StudyInstanceUID
    assert association.send_c_store(good).Status == 0xC000
    hang_up(listener, association)
    assert not Instance.objects.exists()
    assert not Arrival.objects.exists()


def test_trouble_with_the_database_is_told_and_the_next_object_goes_on(
    listener: Listener, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner()

    def fails(**_: object) -> None:
        raise OperationalError("disk full")

    first, second = make_series(slices=2)
    association = call(listener)
    with monkeypatch.context() as patched:
        patched.setattr(listener_module, "receive", fails)
        assert association.send_c_store(first).Status == 0xA700
    assert association.send_c_store(second).Status == 0x0000
    hang_up(listener, association)
    assert Instance.objects.count() == 1


@pytest.mark.usefixtures("_leaves_nothing")
def test_what_came_before_an_association_broke_off_is_kept_unsettled(
    listener: Listener, patient: Patient, tmp_path: Path
) -> None:
    scanner()
    association = call(listener)
    assert association.send_c_store(make_series()[0]).Status == 0x0000
    association.dul.socket.send(half_an_object(association, make_series()[1]))
    until(lambda: list(tmp_path.glob("*.dcm")))
    association.abort()
    until(lambda: not listener.server.active_associations)
    series = Series.objects.get()
    assert series.settled_at is None
    assert [problem["code"] for problem in series.problems] == ["transfer_broken"]


@pytest.mark.parametrize(
    ("resent", "problems"),
    [
        ([1, 2, 3, 4], []),
        ([0], []),  # what it broke off with came again: there is no more
        ([1, 3, 4], ["missing_slices", "transfer_broken"]),
        ([], ["transfer_broken"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("was_settled", [False, True])
def test_slices_that_come_one_by_one_make_good_for_one_that_broke_off(
    listener: Listener,
    patient: Patient,
    resent: list[int],
    problems: list[str],
    was_settled: bool,
) -> None:
    scanner()
    slices = make_series()
    association = call(listener, slices[0])
    assert association.send_c_store(slices[0]).Status == 0x0000
    association.abort()
    until(lambda: not listener.server.active_associations)
    if was_settled:
        quiet()
    for index in resent:
        association = call(listener, slices[index])
        assert association.send_c_store(slices[index]).Status == 0x0000
        hang_up(listener, association)
    assert [p["code"] for p in Series.objects.get().problems] == ["transfer_broken"]
    quiet()
    series = Series.objects.get()
    assert series.settled_at is not None
    assert [problem["code"] for problem in series.problems] == problems


def quiet() -> None:
    """Let the time pass after which a series is taken to be whole."""
    Series.objects.update(received_at=timezone.now() - timedelta(hours=1))
    settle_quiet()


@pytest.mark.usefixtures("_leaves_nothing")
def test_an_object_larger_than_any_may_be_is_cut_off(
    listener: Listener, patient: Patient, settings: Any
) -> None:
    settings.DICOM_MAX_OBJECT_BYTES = 100_000
    scanner()
    large = make_series(slices=1, rows=512, columns=512)[0]
    association = call(listener)
    association.send_c_store(large)
    until(lambda: association.is_aborted)
    assert not Instance.objects.exists()


def test_more_associations_than_allowed_are_refused_and_come_in_later(
    listener: Listener, patient: Patient
) -> None:
    scanner()
    listener.server.ae.maximum_associations = 2
    first, second, third = (call(listener) for _ in range(3))
    assert (first.is_established, second.is_established) == (True, True)
    assert third.is_rejected
    hang_up(listener, first)
    fourth = call(listener)
    assert fourth.send_c_store(make_series()[0]).Status == 0x0000
    hang_up(listener, fourth)
    hang_up(listener, second)


@pytest.mark.parametrize(
    "said",
    [b"", b"\x01\x00", b"\x01\x00\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"],
    ids=["nothing", "little", "four gigabytes", "http"],
)
def test_who_connects_and_makes_no_sense_is_hung_up_on(
    listener: Listener, said: bytes, db: None
) -> None:
    listener.server.ae.acse_timeout = listener.server.ae.network_timeout = 0.3
    with socket.create_connection(("127.0.0.1", listener.port)) as connection:
        connection.settimeout(20)
        connection.sendall(said)
        while connection.recv(1000):
            pass
    until(lambda: not listener.server.active_associations)


def test_a_stop_finishes_what_is_being_stored(
    listener: Listener, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner()
    first, second = make_series(slices=2)
    association = call(listener)
    real = listener_module.receive

    def stop_meanwhile(**arguments: Any) -> Any:
        listener.stopping = True
        return real(**arguments)

    monkeypatch.setattr(listener_module, "receive", stop_meanwhile)
    assert association.send_c_store(first).Status == 0x0000
    assert association.send_c_store(second).Status == 0xA700
    listener.stop(grace_s=5)
    until(lambda: association.is_aborted)
    assert Instance.objects.count() == 1


def bare(dataset: Any) -> bytes:
    """The data set as it goes over the wire: without preamble and file meta information."""
    file = as_bytes(dataset)
    (length,) = struct.unpack("<L", file[140:144])
    return file[144 + length :]


def request_of(dataset: Any, sop_class: str, instance: str, data: bytes) -> C_STORE:
    request = C_STORE()
    request.MessageID = 7
    request.AffectedSOPClassUID = sop_class or dataset.SOPClassUID
    request.AffectedSOPInstanceUID = instance or dataset.SOPInstanceUID
    request.Priority = 2
    request.DataSet = BytesIO(data or bare(dataset))
    return request


def send(
    association: Any, dataset: Any, *, sop_class: str = "", instance: str = "", data: bytes = b""
) -> Any:
    """Send a C-STORE request whose command set and data set say what they should not."""
    context = association._get_valid_context(dataset.SOPClassUID, ExplicitVRLittleEndian, "scu")
    association._reactor_checkpoint.clear()
    until(lambda: association._is_paused)
    request = request_of(dataset, sop_class, instance, data)
    association.dimse.send_msg(request, context.context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return response


def half_an_object(association: Any, dataset: Any) -> bytes:
    """The first PDUs of a C-STORE request: its command, and some of its data."""
    message = C_STORE_RQ()
    message.primitive_to_message(request_of(dataset, "", "", b""))
    (context,) = [c for c in association.accepted_contexts if "Storage" in c.abstract_syntax.name]
    command, some, *rest = message.encode_msg(context.context_id, 1024)
    assert rest
    pdus = [P_DATA_TF(), P_DATA_TF()]
    for pdu, primitive in zip(pdus, (command, some), strict=True):
        pdu.from_primitive(primitive)
    return b"".join(pdu.encode() for pdu in pdus)
