"""Whose an object is: by number and issuer, whatever else it says."""

from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from accounts.models import User
from dicom.inbox.services import Received, Source, receive
from dicom.models import Arrival, Peer
from patients.merge import merge
from patients.models import Patient, PatientIdentifier
from patients.services import create_patient
from scans.decoding.types import DecodeError
from scans.models import Instance, Study
from tests.factories import UserFactory
from tests.series.make import as_bytes, make_series

ISSUER = "St. Mary"
NUMBER = "H 17-a"
OID = "1.2.826.0.1.3680043"


@pytest.fixture
def peer(db: None) -> Peer:
    return Peer.objects.create(name="CT 1", ae_title="CT1", issuer=ISSUER, may_store=True)


@pytest.fixture
def known(doctor: User) -> Patient:
    """A patient with a number, born on the day and of the sex that `make_series` says."""
    return patient_with(doctor, {"issuer": ISSUER, "value": NUMBER})


def patient_with(doctor: User, *identifiers: dict[str, str]) -> Patient:
    return create_patient(
        user=doctor,
        family_name="Haddad",
        given_name="Rana",
        sex="female",
        birth_date=date(1980, 2, 3),
        identifiers=identifiers,
    )


def sent(peer: Peer | None, /, by: User | None = None, **elements: Any) -> Received:
    """Let an object with these elements come."""
    (dataset,) = make_series(slices=1, **{"PatientID": NUMBER, **elements})
    return receive(data=as_bytes(dataset), source=Source(peer, by, "CT1"))


def reason(received: Received) -> str:
    assert received.status == "waiting"
    assert received.arrival is not None
    assert not Instance.objects.exists()
    return received.arrival.reason


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def test_it_is_filed_under_the_number_byte_for_byte_once(peer: Peer, known: Patient) -> None:
    first = sent(peer)
    assert first.status == "filed"
    assert first.instance is not None
    assert first.instance.series.study.patient == known
    (dataset,) = make_series(slices=1, PatientID=NUMBER)
    assert first.instance.file.read() == as_bytes(dataset)
    assert sent(peer).status == "already_there"
    assert not Arrival.objects.exists()
    assert known.members.count() == 1  # the care team is nobody's business but its owners'


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    number=st.sampled_from([NUMBER, " H 17-a", "h  17-A", "H 17-à", "h 17-a  "]),
    issuer=st.sampled_from([ISSUER, "ST. MARY", "st.  mary ", "St. Máry"]),
)
def test_case_accents_and_spaces_make_no_other_number(
    peer: Peer, known: Patient, number: str, issuer: str
) -> None:
    (dataset,) = make_series(
        slices=1, PatientID=number, IssuerOfPatientID=issuer, SpecificCharacterSet="ISO_IR 192"
    )
    received = receive(data=as_bytes(dataset), source=Source(peer, None, "CT1"))
    assert received.instance is not None
    assert received.instance.series.study.patient == known
    Study.objects.all().delete()


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientID": "H 17-b"},
        {"PatientID": "H17-a"},
        {"IssuerOfPatientID": "St. Joseph"},
    ],
    ids=str,
)
def test_another_number_or_issuer_is_another_person(
    peer: Peer, known: Patient, elements: dict[str, Any]
) -> None:
    assert reason(sent(peer, **elements)) == "unknown_number"


@pytest.mark.parametrize("number", [None, "", "   "])
def test_name_and_birth_date_alone_attach_nothing(
    peer: Peer, known: Patient, number: str | None
) -> None:
    assert reason(sent(peer, PatientID=number)) == "no_number"


def test_a_number_whose_issuer_nobody_names_is_nobodys(peer: Peer, known: Patient) -> None:
    Peer.objects.update(issuer="")
    peer.refresh_from_db()
    assert reason(sent(peer)) == "unknown_number"


@pytest.mark.parametrize(
    ("elements", "filed"),
    [
        ({"PatientBirthDate": "19800204"}, False),
        ({"PatientSex": "M"}, False),
        ({"PatientName": "Somebody^Else"}, True),
        ({"PatientBirthDate": None, "PatientSex": None}, True),
        ({"PatientBirthDate": "", "PatientSex": "O"}, True),
    ],
    ids=str,
)
def test_what_contradicts_the_numbers_owner_keeps_it_out(
    peer: Peer, known: Patient, elements: dict[str, Any], filed: bool
) -> None:
    received = sent(peer, **elements)
    if filed:
        assert received.status == "filed"
    else:
        assert reason(received) == "other_person"


@pytest.mark.parametrize("spelling", [OID, f"urn:oid:{OID}"])
def test_an_issuer_can_be_named_by_its_oid(peer: Peer, doctor: User, spelling: str) -> None:
    patient_with(doctor, {"issuer": spelling, "value": NUMBER})
    qualifiers = Sequence([item(UniversalEntityID=OID, UniversalEntityIDType="ISO")])
    assert sent(peer, IssuerOfPatientIDQualifiersSequence=qualifiers).status == "filed"


def test_other_patient_ids_find_the_file_where_they_name_an_issuer(
    peer: Peer, doctor: User
) -> None:
    patient_with(doctor, {"issuer": "State", "value": "99"})
    unnamed = item(PatientID="99", TypeOfPatientID="TEXT")
    assert reason(sent(peer, OtherPatientIDsSequence=Sequence([unnamed]))) == "unknown_number"
    named = item(PatientID="99", IssuerOfPatientID="STATE", TypeOfPatientID="TEXT")
    ids = Sequence([unnamed, named])
    assert sent(peer, OtherPatientIDsSequence=ids, PatientID="?").status == "filed"


def test_numbers_of_two_patients_file_it_under_neither(peer: Peer, doctor: User) -> None:
    for issuer in ("State", "Insurance"):
        patient_with(doctor, {"issuer": issuer, "value": "99"})
    ids = [
        item(PatientID="99", IssuerOfPatientID=issuer, TypeOfPatientID="TEXT")
        for issuer in ("State", "Insurance")
    ]
    assert reason(sent(peer, OtherPatientIDsSequence=Sequence(ids))) == "two_people"


def test_a_merged_patients_number_finds_the_kept_file(
    peer: Peer, known: Patient, doctor: User, admin: User
) -> None:
    keeper = patient_with(doctor)
    merge(user=admin, kept_id=keeper.pk, absorbed_id=known.pk, reason="Same person.")
    # Not as merging does it, but as a row that was left behind would be.
    PatientIdentifier.objects.update(patient=known)
    received = sent(peer)
    assert received.instance is not None
    assert received.instance.series.study.patient == keeper


def test_another_object_of_the_same_uid_waits(peer: Peer, known: Patient) -> None:
    assert sent(peer).status == "filed"
    other = sent(peer, SeriesDescription="t2")
    assert other.status == "waiting"
    assert other.arrival is not None
    assert other.arrival.reason == "other_content"
    assert Instance.objects.count() == 1


def test_what_waits_waits_once_and_byte_for_byte(peer: Peer) -> None:
    first, second = sent(peer).arrival, sent(peer).arrival
    assert first is not None
    assert first == second
    (dataset,) = make_series(slices=1, PatientID=NUMBER)
    assert first.file.read() == as_bytes(dataset)
    assert (first.patient_name, first.birth_date, first.issuer) == (
        "Haddad^Rana",
        date(1980, 2, 3),
        ISSUER,
    )


def test_an_accounts_word_counts_where_it_may_write(known: Patient, doctor: User) -> None:
    stranger = UserFactory.create(role=User.Role.DOCTOR)
    elements = {"IssuerOfPatientID": ISSUER}
    assert reason(sent(None, stranger, **elements)) == "unknown_number"
    assert reason(sent(None, None, **elements)) == "unknown_number"
    assert sent(None, doctor, **elements).status == "filed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"GIF89a", "unsupported_format"),
        (as_bytes(make_series(slices=1)[0])[:-40], "truncated_file"),
        (as_bytes(make_series(slices=1, StudyInstanceUID=None)[0]), "missing_uid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_object_is_refused_and_leaves_nothing(
    peer: Peer, data: bytes, code: str
) -> None:
    with pytest.raises(DecodeError) as refused:
        receive(data=data, source=Source(peer, None, "CT1"))
    assert refused.value.code == code
    assert not Arrival.objects.exists()
    assert not Instance.objects.exists()


def test_a_failure_leaves_neither_row_nor_file(peer: Peer) -> None:
    broken = "dicom.inbox.services.ArrivalNumber.objects.bulk_create"
    with patch(broken, side_effect=OSError("disk full")), pytest.raises(OSError, match="disk"):
        sent(peer)
    assert not Arrival.objects.exists()
    assert not default_storage.exists("inbox") or default_storage.listdir("inbox")[1] == []


def test_cleaned_at_the_door_it_finds_a_file_by_its_pseudonym_only(
    peer: Peer, known: Patient, doctor: User
) -> None:
    Peer.objects.update(deidentify=Peer.Deidentify.BASIC)
    peer.refresh_from_db()
    # Its real number is known here, and does not count: the cleaning would be void.
    first = sent(peer).arrival
    assert first is not None
    assert first.patient_number not in ("", NUMBER)
    assert (first.birth_date, b"Rana" in first.file.read()) == (None, False)
    assert sent(peer).arrival == first
    study = patient_with(doctor, {"issuer": ISSUER, "value": first.patient_number})
    received = sent(peer)
    assert received.instance is not None
    assert received.instance.series.study.patient == study
