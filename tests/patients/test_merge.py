"""Two files of one person become one, and two again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis
from inference.services import upload_and_analyse
from patients.models import CareTeamMember, Patient
from patients.services import add_to_care_team, create_patient
from tests.samples import sample

Api = Callable[[User | None], APIClient]


@pytest.fixture
def twin(other_doctor: User) -> Patient:
    """Another file of the same person, of another doctor, with a number and a scan."""
    number = {"kind": "national_id", "issuer": "SY", "value": "0100"}
    twin = create_patient(user=other_doctor, family_name="Hadad", identifiers=[number])
    upload(other_doctor, twin, "meningioma")
    return twin


def upload(user: User, patient: Patient, name: str) -> Analysis:
    file = SimpleUploadedFile(f"{name}.jpg", sample(name).read_bytes())
    return upload_and_analyse(user=user, patient=patient, file=file)


def merge(client: APIClient, kept: Patient, absorbed: Patient) -> Any:
    body = {"absorb": str(absorbed.id), "reason": "The same person, says the passport."}
    return client.post(reverse("patient-merge", args=[kept.id]), body)


def undo(client: APIClient, merge_id: str) -> Any:
    return client.post(reverse("merge-undo", args=[merge_id]))


def contents(client: APIClient, patient: Patient) -> dict[str, Any]:
    """What stands in a file, as somebody sees it."""
    read = client.get(reverse("patient", args=[patient.id]))
    if read.status_code == 404:
        return {}
    return {
        "numbers": [each["value"] for each in read.json()["identifiers"]],
        "scans": {
            each["id"] for each in client.get(reverse("scans", args=[patient.id])).json()["results"]
        },
        "history": {
            each["id"]
            for each in client.get(reverse("patient-history", args=[patient.id])).json()["results"]
        },
    }


def test_one_file_has_what_two_had_and_undoing_brings_both_back(
    api: Api, admin: User, doctor: User, other_doctor: User, done: Analysis, twin: Patient
) -> None:
    patient = done.scan.patient
    people = [api(admin), api(doctor), api(other_doctor)]
    before = [[contents(client, file) for file in (patient, twin)] for client in people]
    ours, theirs = before[0]

    made = merge(api(admin), patient, twin)
    assert made.status_code == 201, made.json()
    for client in people:
        together = contents(client, patient)
        assert together["scans"] == ours["scans"] | theirs["scans"]
        assert together["history"] == ours["history"] | theirs["history"]
        assert together["numbers"] == ours["numbers"] + theirs["numbers"]
        assert contents(client, twin) == {}
    found = api(other_doctor).get(reverse("patients"), {"search": "0100"}).json()["results"]
    assert [each["id"] for each in found] == [str(patient.id)]

    assert undo(api(admin), made.json()["id"]).status_code == 200
    after = [[contents(client, file) for file in (patient, twin)] for client in people]
    assert after == before


def test_the_same_scan_in_both_files_is_there_once(
    api: Api, admin: User, doctor: User, queued: Analysis
) -> None:
    twin = create_patient(user=doctor, family_name="Hadad")
    upload(doctor, twin, "glioma")
    upload(doctor, twin, "pituitary")
    made = merge(api(admin), queued.scan.patient, twin)
    assert len(contents(api(doctor), queued.scan.patient)["scans"]) == 2
    assert undo(api(admin), made.json()["id"]).status_code == 200
    assert len(contents(api(doctor), queued.scan.patient)["scans"]) == 1
    assert len(contents(api(doctor), twin)["scans"]) == 2


def test_slices_of_one_series_in_both_files_stay_one_series(
    api: Api, admin: User, doctor: User, patient: Patient
) -> None:
    twin = create_patient(user=doctor, family_name="Hadad")
    first, second = upload(doctor, patient, "glioma").scan, upload(doctor, twin, "meningioma").scan
    for scan in (first, second):  # as slices of one DICOM series name the same study and series
        scan.series.study.uid, scan.series.uid = "1.2.3", "1.2.3.4"
        scan.series.study.save()
        scan.series.save()
    made = merge(api(admin), patient, twin)
    second.refresh_from_db()
    assert second.series_id == first.series_id
    assert undo(api(admin), made.json()["id"]).status_code == 200
    second.refresh_from_db()
    assert (second.patient_id, second.series.study.patient_id) == (twin.id, twin.id)


def test_nobody_may_do_more_for_longer_than_before(
    api: Api, admin: User, other_doctor: User, patient: Patient, twin: Patient
) -> None:
    """A lasting reader here and a writer until tomorrow there: a lasting reader."""
    add_to_care_team(patient=patient, user=other_doctor, level=CareTeamMember.Level.READER)
    tomorrow = timezone.now() + timedelta(days=1)
    CareTeamMember.objects.filter(patient=twin).update(
        level=CareTeamMember.Level.WRITER, via=CareTeamMember.Via.SHARE, expires_at=tomorrow
    )
    merge(api(admin), patient, twin)
    read = api(other_doctor).get(reverse("patient", args=[patient.id])).json()
    assert read["access"] == {"level": "reader", "via": "team"}
    member = CareTeamMember.objects.get(patient=patient, user=other_doctor)
    assert member.expires_at is None


def test_undoing_twice_or_under_a_later_merge_is_refused(
    api: Api, admin: User, doctor: User, patient: Patient, twin: Patient
) -> None:
    first = merge(api(admin), patient, twin).json()["id"]
    third = create_patient(user=doctor, family_name="Haddad")
    second = merge(api(admin), third, patient).json()["id"]
    assert undo(api(admin), first).json()["code"] == "merged_again"
    assert undo(api(admin), second).status_code == 200
    assert undo(api(admin), first).status_code == 200
    again = undo(api(admin), first)
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")
    listed = api(admin).get(reverse("merges")).json()["results"]
    assert [each["id"] for each in listed] == [second, first]


def test_a_file_takes_up_neither_itself_nor_what_is_not_there(
    api: Api, admin: User, patient: Patient, twin: Patient
) -> None:
    itself = merge(api(admin), patient, patient)
    assert (itself.status_code, itself.json()["code"]) == (400, "same_patient")
    merge(api(admin), patient, twin)
    gone = merge(api(admin), patient, twin)
    assert (gone.status_code, gone.json()["field"]) == (400, "absorb")
