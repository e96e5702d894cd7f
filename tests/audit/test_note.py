"""What an event says."""

from uuid import uuid4

import pytest
from django.test import RequestFactory

from accounts.models import User
from audit import services
from audit.models import Event, Kept

pytestmark = pytest.mark.django_db


def test_an_event_says_who_did_what_to_whom_from_where_and_why(
    doctor: User, rf: RequestFactory
) -> None:
    patient_id, scan_id = uuid4(), uuid4()
    request = rf.get("/", headers={"User-Agent": "Falx/1.0", "X-Session-Token": "secret"})
    request.user = doctor

    services.note(
        request,
        action="scan.read",
        patient_id=patient_id,
        why="team",
        subject=("scan", scan_id),
        details={"pages": 2},
    )

    event = Event.objects.get()
    assert (event.user_id, event.user_label, event.role) == (doctor.id, str(doctor), "doctor")
    assert (event.action, event.patient_id, event.why) == ("scan.read", patient_id, "team")
    assert (event.subject_kind, event.subject_id) == ("scan", scan_id)
    assert (event.address, event.device, event.method) == ("127.0.0.1", "Falx/1.0", "GET")
    assert event.details == {"pages": 2}
    assert event.session
    assert "secret" not in event.session


def test_a_task_is_written_down_as_falx_itself() -> None:
    services.record(user=None, action="analysis.finish", details={"release": "2026.11"})

    event = Event.objects.get()
    assert (event.user_id, event.user_label, event.role) == (None, "", "")


def test_an_unknown_reason_is_refused(doctor: User) -> None:
    with pytest.raises(ValueError, match="curiosity"):
        services.record(user=doctor, action="patient.read", why="curiosity")
    assert not Event.objects.exists()


def test_what_a_client_made_up_is_written_down_all_the_same(doctor: User) -> None:
    details = {"search": "a\0b\ud800", "patients": ["\0"], "count": 1}
    services.record(user=doctor, action="patients.search", device="\0x\udfff", details=details)

    event = Event.objects.get()
    assert event.details == {"search": "ab?", "patients": [""], "count": 1}
    assert event.device == "x?"


def test_an_event_outlives_the_account(doctor: User) -> None:
    services.record(user=doctor, action="patient.read")
    label = str(doctor)
    doctor.delete()
    assert Event.objects.get().user_label == label


def test_events_are_neither_changed_nor_deleted(doctor: User) -> None:
    services.record(user=doctor, action="patient.read")
    event = Event.objects.get()
    event.action = "nothing"

    for change in (
        event.save,
        event.delete,
        Event.objects.all().delete,
        lambda: Event.objects.update(action="nothing"),
        lambda: Event.objects.bulk_update([event], ["action"]),
    ):
        with pytest.raises(Kept):
            change()
    assert Event.objects.get().action == "patient.read"
