"""Erasing a patient: nothing is left, whoever had a copy is told, and the audit knows."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import ProtectedError
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from backend.idempotency.models import StoredAnswer
from inference.models import Analysis
from patients.merge import merge
from patients.models import CareTeamMember, Change, Patient
from patients.services import add_to_care_team, create_patient
from reports.archives.services import request_archive
from reports.models import LegalHold
from reports.tasks import build_archive
from tests.reports.conftest import add_scan

REASON = {"reason": "The patient asked for it."}


@pytest.fixture
def full(
    reading: Analysis, rana: Patient, doctor: User, other_doctor: User, as_doctor: APIClient
) -> Patient:
    """A file with a bit of everything, which two doctors have a copy of."""
    add_to_care_team(patient=rana, user=other_doctor)
    add_scan(rana, doctor)
    build_archive(str(request_archive(user=doctor, patient=rana).pk))
    url = f"/api/v1/patients/{rana.pk}"
    as_doctor.patch(url, {"given_name": "Rana"}, headers={"If-Match": "*", "Idempotency-Key": "k"})
    return rana


@pytest.fixture
def erase(api: Any, admin: User, full: Patient, django_capture_on_commit_callbacks: Any) -> Any:
    def send(user: User = admin, body: Any = REASON) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return api(user).delete(f"/api/v1/patients/{full.pk}", body)

    return send


def test_nothing_of_the_patient_is_left(erase: Any, full: Patient, doctor: User) -> None:
    assert stored_files()
    assert "Haddad" in " ".join(everything_stored())
    assert erase().status_code == 204
    assert stored_files() == []
    left = [text for text in everything_stored() if "Haddad" in text or "H-17" in text]
    assert left == []
    assert not StoredAnswer.objects.filter(user=doctor).exists()
    named = {label for label, text in rows() if str(full.pk) in text}
    assert named <= {"audit.Event", "patients.Change"}


def test_who_had_a_copy_is_told_to_drop_it(
    erase: Any, full: Patient, doctor: User, other_doctor: User
) -> None:
    CareTeamMember.objects.filter(user=other_doctor).delete()  # left the team, has a copy still
    erase()
    told = Change.objects.filter(patient_id=full.pk).values_list("user_id", "kind", "action")
    assert set(told) == {
        (doctor.pk, "patient", "deleted"),
        (other_doctor.pk, "patient", "deleted"),
    }


def test_audit_keeps_who_and_why(erase: Any, full: Patient, admin: User) -> None:
    erase()
    event = Event.objects.get(action="patient.erased")
    assert (event.patient_id, event.user_id) == (full.pk, admin.pk)
    assert event.details["reason"] == REASON["reason"]
    assert event.details["rows"]["scans.Scan"] == 2
    assert Event.objects.filter(patient_id=full.pk, action="archive.request").count() == 0
    assert Event.objects.filter(patient_id=full.pk).count() > 1


def test_only_admins_may(erase: Any, full: Patient, doctor: User, api: Any) -> None:
    answer = erase(doctor)
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_required")
    assert Patient.objects.filter(pk=full.pk).exists()


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}, {"reason": "  "}])
def test_wants_a_reason(erase: Any, full: Patient, body: Any) -> None:
    answer = erase(body=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "reason")
    assert Patient.objects.filter(pk=full.pk).exists()


def test_legal_hold_keeps_everything(erase: Any, full: Patient, doctor: User) -> None:
    before = stored_files()
    hold = LegalHold.objects.create(patient=full, reason="Case 12")
    answer = erase()
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
    assert stored_files() == before
    assert full.scans.count() == 2
    assert Change.objects.filter(patient_id=full.pk, action="deleted").count() == 0
    with pytest.raises(ProtectedError):
        full.delete()
    hold.delete()
    assert erase().status_code == 204


def test_hold_is_placed_and_lifted_in_the_admin_site(
    admin_site: Client, admin: User, full: Patient
) -> None:
    form = {"patient": str(full.pk), "reason": "Case 12"}
    assert admin_site.post("/admin/reports/legalhold/add/", form).status_code == 302
    hold = LegalHold.objects.get()
    assert hold.placed_by == admin
    admin_site.post(f"/admin/reports/legalhold/{hold.pk}/delete/", {"post": "yes"})
    assert not LegalHold.objects.exists()
    written = Event.objects.filter(patient_id=full.pk).values_list("action", flat=True)
    assert {"legal_hold.create", "legal_hold.delete"} <= set(written)


def test_what_was_merged_into_the_file_goes_with_it(
    erase: Any, full: Patient, doctor: User, admin: User
) -> None:
    twin = create_patient(user=doctor, family_name="Haddad", given_name="Rana")
    add_scan(twin, doctor)
    folder = Path(settings.MEDIA_ROOT) / "patients" / str(twin.pk)
    merge(user=admin, kept_id=full.pk, absorbed_id=twin.pk, reason="The same person")
    assert folder.exists()
    erase()
    assert not Patient.objects.exists()
    assert not folder.exists()
    event = Event.objects.get(action="patient.erased")
    assert event.details["absorbed"] == [str(twin.pk)]


def test_other_patients_stay(erase: Any, doctor: User) -> None:
    other = create_patient(user=doctor, family_name="Khoury")
    scan = add_scan(other, doctor)
    erase()
    assert Patient.objects.get() == other
    assert Path(scan.original.path).exists()


def test_command_erases(full: Patient, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        call_command("erase_patient", str(full.pk), reason="Court order 7", stdout=StringIO())
    assert stored_files() == []
    event = Event.objects.get(action="patient.erased")
    assert (event.user_id, event.details["reason"]) == (None, "Court order 7")


def test_command_refuses_what_it_cannot_do(full: Patient) -> None:
    with pytest.raises(CommandError, match="no patient"):
        call_command("erase_patient", str(uuid4()), reason="x")
    LegalHold.objects.create(patient=full, reason="Case 12")
    with pytest.raises(CommandError, match="legal hold"):
        call_command("erase_patient", str(full.pk), reason="x")


def stored_files() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def rows() -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    for model in apps.get_models():
        for row in model._base_manager.values():
            said = [
                bytes(v).decode(errors="replace") if isinstance(v, bytes | memoryview) else v
                for v in row.values()
            ]
            yield model._meta.label, repr(said)


def everything_stored() -> list[str]:
    return [text for _, text in rows()]
