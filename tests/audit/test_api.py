"""Admins look through the audit, everybody through what was done in their own name."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from audit import services
from audit.models import Event

Api = Callable[[User | None], APIClient]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def happened(user: User | None, action: str, *, at: datetime = NOON, **more: Any) -> UUID:
    event = Event(
        user_id=user.id if user else None, user_label=str(user), action=action, at=at, **more
    )
    event.save(force_insert=True)
    return event.id


def found(answer: Any) -> list[UUID]:
    assert answer.status_code == 200, answer.content
    return [UUID(event["id"]) for event in answer.json()["results"]]


def test_an_event_as_the_api_gives_it(api: Api, admin: User, doctor: User) -> None:
    patient_id, scan_id = uuid4(), uuid4()
    services.record(
        user=doctor,
        action="scan.file",
        patient_id=patient_id,
        why="emergency",
        subject=("scan", scan_id),
        details={"reason": "unconscious"},
    )
    services.seal()

    event = api(admin).get(reverse("audit"), {"patient": str(patient_id)}).json()["results"][1]

    assert event["user"] == {"id": str(doctor.id), "name": str(doctor), "role": "doctor"}
    assert event["subject"] == {"kind": "scan", "id": str(scan_id)}
    assert (event["patient"], event["why"]) == (str(patient_id), "emergency")
    assert event["details"] == {"reason": "unconscious"}
    assert event["sequence"] == 1
    assert len(event["hash"]) == 64


def test_filters(api: Api, admin: User, doctor: User) -> None:
    patient_id = uuid4()
    by_doctor = happened(doctor, "patient.read")
    emergency = happened(None, "patient.read", why="emergency")
    edit = happened(None, "patient.edit")
    about = happened(None, "scan.read", patient_id=patient_id)
    early = happened(None, "scan.read", at=NOON.replace(hour=9))
    late = happened(None, "scan.read", at=NOON.replace(hour=15))

    def look(**wanted: str) -> set[UUID]:
        answer = api(admin).get(reverse("audit"), {"until": "2026-12-31T00:00:00Z", **wanted})
        return set(found(answer)) - set(
            Event.objects.filter(action="audit.read").values_list("id", flat=True)
        )

    assert look(user=str(doctor.id)) == {by_doctor}
    assert look(patient=str(patient_id)) == {about}
    assert look(action="patient.edit") == {edit}
    assert look(why="emergency") == {emergency}
    assert look(until="2026-03-01T12:00:00Z") == {early}
    assert look(since="2026-03-01T12:00:01Z") == {late}
    assert look(since="2026-03-01T12:00:00+00:00", action="patient.read") == {by_doctor, emergency}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "nobody"),
        ("patient", "1"),
        ("why", "curiosity"),
        ("since", "yesterday"),
        ("action", "a\0b"),
    ],
)
def test_a_filter_that_makes_no_sense(api: Api, admin: User, name: str, value: str) -> None:
    answer = api(admin).get(reverse("audit"), {name: value})
    assert answer.status_code == 400
    assert answer.json()["field"] == name


def test_pages_newest_first(api: Api, admin: User) -> None:
    made = [happened(admin, "patient.read", at=NOON.replace(minute=n)) for n in range(5)]
    client = api(admin)

    first = client.get(reverse("my-audit"), {"page_size": 3})
    second = client.get(first.json()["next"])

    assert found(first) + found(second) == made[::-1]
    assert second.json()["next"] is None


def test_looking_into_the_audit_is_written_down(api: Api, admin: User) -> None:
    patient_id = uuid4()
    api(admin).get(reverse("audit"), {"patient": str(patient_id), "action": "scan.read"})

    event = Event.objects.get()
    assert (event.action, event.user_id, event.why) == ("audit.read", admin.id, "admin")
    assert event.patient_id == patient_id
    assert event.details == {"patient": str(patient_id), "action": "scan.read"}


def test_the_audit_is_for_admins(api: Api, doctor: User, student: User) -> None:
    for user in (doctor, student):
        assert api(user).get(reverse("audit")).status_code == 404
    assert api(None).get(reverse("audit")).status_code == 401


def test_what_was_done_in_my_name(api: Api, doctor: User, other_doctor: User) -> None:
    mine = happened(doctor, "patient.read")
    happened(other_doctor, "patient.read")
    assert found(api(doctor).get(reverse("my-audit"))) == [mine]
