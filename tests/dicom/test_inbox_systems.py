"""What a hospital's system stores by DICOMweb goes where it may write, or waits."""

from typing import Any

import pytest
from django.urls import reverse
from pydicom import Dataset
from rest_framework.test import APIClient

from accounts.models import User
from accounts.systems.models import SystemAccount
from accounts.systems.services import create_system, new_secret
from audit.models import Event
from dicom.dicomweb.multipart import Writer
from dicom.models import Arrival
from patients.models import Patient
from patients.services import create_patient
from scans.models import Instance
from tests.series.make import as_bytes, make_series, uid

STUDIES = "/dicomweb/studies"


@pytest.fixture
def system(db: None) -> SystemAccount:
    scopes = ["system/DICOM.write", "system/DICOM.read"]
    return create_system(by=None, name="PACS", issuers=["St. Mary"], scopes=scopes)


@pytest.fixture
def patients(doctor: User) -> dict[str, Patient]:
    """Two who have the same number by different issuers."""
    return {
        issuer: create_patient(
            user=doctor, family_name="X", identifiers=[{"issuer": issuer, "value": "17"}]
        )
        for issuer in ("St. Mary", "St. Joseph")
    }


def signed_in(system: SystemAccount, scope: str = "") -> APIClient:
    form = {
        "grant_type": "client_credentials",
        "client_id": system.client_id,
        "client_secret": new_secret(by=None, system=system),
        "scope": scope,
    }
    token = APIClient().post(reverse("oauth-token"), form, format="multipart").json()
    return APIClient(headers={"Authorization": f"Bearer {token['access_token']}"})


def store(api: APIClient, **elements: Any) -> int:
    writer = Writer("application/dicom")
    parts = [
        writer.head("application/dicom") + as_bytes(dataset)
        for dataset in make_series(slices=1, PatientID="17", **elements)
    ]
    body = b"".join(parts) + writer.end()
    http: Any = api
    answer = http.generic("POST", STUDIES, body, content_type=writer.content_type)
    return int(answer.status_code)


def test_its_objects_go_to_its_own_issuers_patients(
    system: SystemAccount, patients: dict[str, Patient]
) -> None:
    api = signed_in(system)
    assert store(api) == 200  # nobody is named: it can only be its own issuer's number
    assert store(api, IssuerOfPatientID="ST. MARY", name="2") == 200
    filed = Instance.objects.select_related("series__study__patient")
    assert {one.series.study.patient for one in filed} == {patients["St. Mary"]}
    assert {(one.source, one.received_by) for one in filed} == {("PACS", system.user)}
    event = Event.objects.filter(action="study.store").latest("at")
    assert (event.user_label, event.role) == ("PACS", "system")


def test_what_it_sends_for_others_waits_as_if_nobody_had_the_number(
    system: SystemAccount, patients: dict[str, Patient]
) -> None:
    store(signed_in(system), IssuerOfPatientID="St. Joseph")
    assert not Instance.objects.exists()
    assert Arrival.objects.get().reason == "unknown_number"


def test_another_number_does_not_move_an_object_into_another_file(
    system: SystemAccount, patients: dict[str, Patient]
) -> None:
    also = Dataset()
    also.PatientID, also.IssuerOfPatientID = "17", "St. Mary"
    store(signed_in(system), IssuerOfPatientID="St. Joseph", OtherPatientIDsSequence=[also])
    assert not Instance.objects.exists()
    assert Arrival.objects.get().reason == "unknown_number"


def test_it_reads_its_own_issuers_studies_only(
    system: SystemAccount, patients: dict[str, Patient], admin: User
) -> None:
    api, everybody = signed_in(system), APIClient()
    everybody.force_authenticate(admin)
    for study, issuer in enumerate(patients):
        store(everybody, IssuerOfPatientID=issuer, study=str(study), name=str(study))
    assert Instance.objects.count() == 2
    (seen,) = api.get(STUDIES).json()
    assert seen["0020000D"]["Value"] == [uid("study", "0")]
    assert api.get(f"{STUDIES}/{uid('study', '1')}/metadata").status_code == 404


def test_scopes_of_the_token_count(system: SystemAccount, patients: dict[str, Patient]) -> None:
    reader = signed_in(system, "system/DICOM.read")
    assert store(reader) == 403
    assert reader.get(STUDIES).status_code in (200, 204)
    assert not Instance.objects.exists()
    writer = signed_in(system, "system/DICOM.write")
    assert store(writer) == 200
    assert writer.get(STUDIES).status_code == 403
