"""Falx and a real PACS, and dcmtk's commands, by DIMSE."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from accounts.models import User
from dicom.deliveries import jobs
from dicom.dimse import retrievals
from dicom.dimse.echo import echo
from dicom.dimse.listener import Listener
from dicom.dimse.store import send
from dicom.models import Arrival, Peer, Retrieval
from dicom.peers import search
from patients.models import Patient
from patients.services import create_patient
from scans.models import Instance, Series
from tests.dicom.listening import ISSUER, NUMBER, listening, scanner
from tests.jobs.deployment import until
from tests.peers.orthanc import HOST, Orthanc, certificates, dcmtk, orthanc
from tests.series.make import as_bytes, make_series

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    settings.DICOM_DIMSE_TIMEOUT_S = settings.DICOM_NETWORK_TIMEOUT_S = 20
    with listening() as running:
        settings.DICOM_PORT = running.port
        yield running


@pytest.fixture
def archive(pacs: Orthanc) -> Peer:
    """The PACS, with one study of three slices, as a peer of ours that may send."""
    pacs.clear()
    pacs.store(*make_series(slices=3))
    return scanner(name="PACS", ae_title=pacs.ae_title, host=HOST, port=pacs.dicom_port)


@pytest.fixture
def patient(doctor: User) -> Patient:
    number = {"issuer": ISSUER, "value": NUMBER}
    return create_patient(user=doctor, family_name="Haddad", identifiers=[number])


def test_the_pacs_pushes_a_series_to_us(
    listener: Listener, archive: Peer, pacs: Orthanc, patient: Patient
) -> None:
    pacs.add_modality("FALX", port=listener.port)
    pacs.rest("POST", "/modalities/FALX/echo", {})
    (series,) = pacs.find("Series")
    answer = pacs.rest("POST", "/modalities/FALX/store", series["ID"])
    assert (answer["InstancesCount"], answer["FailedInstancesCount"]) == (3, 0)
    kept_whole(listener, patient, 3)


@pytest.mark.parametrize("by", ["C-GET", "C-MOVE"])
def test_we_find_a_study_and_fetch_it_into_the_chosen_file(
    by: str, listener: Listener, archive: Peer, pacs: Orthanc, patient: Patient, doctor: User
) -> None:
    pacs.add_modality("FALX", port=listener.port)
    if by == "C-MOVE":
        forbid_get(pacs, listener)
    archive.may_store = False
    archive.save()
    assert echo(archive) >= 0
    (study,) = search(archive, PatientName="HADDAD*", StudyDate="20240501")
    assert (study.patient_number, study.date) == (NUMBER, "2024-05-01")
    assert search(archive, PatientID="nobody") == []

    retrieval = fetched(doctor, patient, archive, study.study_uid)
    assert (retrieval.status, retrieval.error) == ("done", "")
    assert (retrieval.completed, retrieval.expected, retrieval.failed) == (
        3,
        study.instances or 3,
        0,
    )
    kept_whole(listener, patient, 3)
    again = fetched(doctor, patient, archive, study.study_uid)
    assert (again.status, again.completed, Instance.objects.count()) == ("done", 3, 3)


def test_a_study_with_another_number_waits_for_the_doctors_word(
    listener: Listener, archive: Peer, pacs: Orthanc, doctor: User
) -> None:
    pacs.add_modality("FALX", port=listener.port)
    namesake = create_patient(user=doctor, family_name="Haddad", given_name="Rana")
    study_uid = make_series()[0].StudyInstanceUID
    refused = fetched(doctor, namesake, archive, study_uid)
    assert (refused.status, refused.error_code) == ("failed", "other_number")
    assert not Instance.objects.exists()
    confirmed = fetched(doctor, namesake, archive, study_uid, confirm_other_number=True)
    assert (confirmed.status, confirmed.completed) == ("done", 3)
    assert Instance.objects.filter(series__study__patient=namesake).count() == 3


def test_results_are_sent_to_the_pacs(archive: Peer, pacs: Orthanc, tmp_path: Path) -> None:
    pacs.clear()
    pacs.add_modality("FALX", port=1)
    paths = written(tmp_path, make_series(slices=2))
    assert send(archive, paths) == [0, 0]
    assert len(pacs.find("Instance")) == 2


@pytest.mark.parametrize(
    ("encode", "options"),
    [
        (["dcmcjpeg", "+e1"], ["-xs"]),
        (["dcmcjpls"], ["-xt"]),
        (["dcmcrle"], ["-xr"]),
        (["dcmconv", "+ti"], ["-xi"]),
    ],
    ids=["jpeg lossless", "jpeg-ls", "rle", "implicit"],
)
def test_storescu_sends_every_encoding(
    encode: list[str], options: list[str], listener: Listener, patient: Patient, tmp_path: Path
) -> None:
    scanner()
    slices = [
        dcmtk_encoded(encode, path)
        for path in written(tmp_path, make_series(slices=2, rows=64, columns=64))
    ]
    dcmtk("storescu", "-aet", "SCANNER", "-aec", "FALX", *options, HOST, listener.port, *slices)
    kept_whole(listener, patient, 2)
    syntaxes = set(Instance.objects.values_list("transfer_syntax_uid", flat=True))
    assert len(syntaxes) == 1
    assert syntaxes != {"1.2.840.10008.1.2.1"}


def test_storescu_that_aborts_or_is_not_known(
    listener: Listener, patient: Patient, tmp_path: Path
) -> None:
    scanner()
    paths = written(tmp_path, make_series(slices=2))
    call = ("-aec", "FALX", HOST, listener.port)
    dcmtk("echoscu", "-aet", "SCANNER", *call)
    dcmtk("echoscu", "-aet", "STRANGER", *call, ok=False)
    dcmtk("storescu", "-aet", "STRANGER", *call, *paths, ok=False)
    dcmtk("storescu", "--abort", "-aet", "SCANNER", *call, *paths)
    until(lambda: not listener.server.active_associations)
    assert Instance.objects.count() == 2
    assert Series.objects.get().settled_at is None
    assert not Arrival.objects.exists()


def test_mutual_tls_both_ways(
    settings: Any, tmp_path: Path, patient: Patient, doctor: User
) -> None:
    ours, theirs = certificates(tmp_path, "falx", "pacs")
    (tmp_path / "strange").mkdir()
    (stranger,) = certificates(tmp_path / "strange", "stranger")
    settings.DICOM_TLS_CERT, settings.DICOM_TLS_KEY = str(ours.certificate), str(ours.key)
    settings.DICOM_TLS_CA = str(ours.authority)
    settings.DICOM_DIMSE_TIMEOUT_S = 20
    with orthanc(tmp_path, tls=theirs) as pacs, listening() as listener:
        settings.DICOM_PORT = listener.port
        pacs.store(*make_series(slices=2))
        pacs.add_modality("FALX", port=listener.port, tls=True)
        address = {"ae_title": pacs.ae_title, "host": HOST, "port": pacs.dicom_port, "tls": True}
        peer = scanner(name="PACS", **address)
        assert echo(peer) >= 0
        pacs.rest("POST", "/modalities/FALX/store", pacs.find("Series")[0]["ID"])
        kept_whole(listener, patient, 2)
        strange = ("+tls", stranger.key, stranger.certificate, "+cf", stranger.authority, "-ic")
        call = ("-aet", pacs.ae_title, "-aec", "FALX", HOST, listener.port)
        dcmtk("echoscu", *strange, *call, ok=False)
        dcmtk("echoscu", *call, ok=False)
        shown = ("+tls", theirs.key, theirs.certificate, "+cf", theirs.authority)
        dcmtk("echoscu", *shown, *call)


def fetched(doctor: User, patient: Patient, peer: Peer, study_uid: str, **said: Any) -> Retrieval:
    """Ask for a study, and do what a worker does then."""
    retrieval = retrievals.request_retrieval(
        user=doctor, patient=patient, peer=peer, study_uid=study_uid, **said
    )
    jobs.run(Retrieval, retrieval.pk, retrievals.run)
    retrieval.refresh_from_db()
    return retrieval


def kept_whole(listener: Listener, patient: Patient, count: int) -> None:
    until(lambda: not listener.server.active_associations)
    series = Series.objects.get()
    assert series.study.patient == patient
    assert series.instances.count() == count
    assert series.settled_at is not None


def forbid_get(pacs: Orthanc, listener: Listener) -> None:
    allowed = {f"Allow{what}": True for what in ("Echo", "Find", "Move", "Store")}
    fields = {"AET": "FALX", "Host": HOST, "Port": listener.port, "AllowGet": False}
    pacs.rest("PUT", "/modalities/FALX", fields | allowed)


def written(folder: Path, datasets: list[Dataset]) -> list[Path]:
    paths = [folder / f"{number}.dcm" for number in range(len(datasets))]
    for path, dataset in zip(paths, datasets, strict=True):
        path.write_bytes(as_bytes(dataset))
    return paths


def dcmtk_encoded(command: list[str], path: Path) -> Path:
    out = path.with_suffix(".encoded.dcm")
    dcmtk(*command, path, out)
    return out
