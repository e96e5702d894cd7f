"""The feed of changes: complete, in order, and only what one may see."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from inference import runs
from inference.models import Analysis
from patients import changes, feed
from patients.models import CareTeamMember, Change, Patient
from patients.services import add_to_care_team, create_patient, update_patient

# The feed shows what has committed.
pytestmark = pytest.mark.django_db(transaction=True)

Api = Callable[[User | None], APIClient]


def ask(client: APIClient, since: str | None = None, **options: int) -> dict[str, Any]:
    given: dict[str, Any] = {**options, **({"since": since} if since else {})}
    answer = client.get(reverse("changes"), given)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def told(client: APIClient, since: str) -> list[tuple[str, str]]:
    return [(each["kind"], each["action"]) for each in ask(client, since)["changes"]]


def test_the_first_question_gives_the_place_from_which_to_go_on(
    as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    first = ask(as_doctor)
    assert first["changes"] == []
    assert not first["more"]
    update_patient(user=doctor, patient=patient, phone="1")
    later = ask(as_doctor, first["next"])
    (change,) = later["changes"]
    assert change | {"at": None} == {
        "kind": "patient",
        "id": str(patient.id),
        "patient": str(patient.id),
        "action": "updated",
        "at": None,
    }
    assert ask(as_doctor, later["next"])["changes"] == []


def test_a_scan_is_followed_from_upload_to_reading(
    as_doctor: APIClient, doctor: User, patient: Patient, queued: Analysis
) -> None:
    first = ask(as_doctor)["next"]
    runs.run(queued.id)
    assert told(as_doctor, first) == [
        ("analysis", "updated"),
        ("entry", "created"),
        ("analysis", "updated"),
    ] or told(as_doctor, first) == [
        ("analysis", "updated"),
        ("analysis", "updated"),
        ("entry", "created"),
    ]


def test_others_hear_nothing(api: Api, other_doctor: User, doctor: User, patient: Patient) -> None:
    stranger = api(other_doctor)
    start = ask(stranger)["next"]
    update_patient(user=doctor, patient=patient, phone="1")
    assert ask(stranger, start)["changes"] == []


def test_a_new_reader_is_told_to_fetch_the_file_and_a_former_one_that_it_is_gone(
    api: Api, other_doctor: User, doctor: User, patient: Patient
) -> None:
    colleague = api(other_doctor)
    start = ask(colleague)["next"]
    add_to_care_team(patient=patient, user=other_doctor)
    update_patient(user=doctor, patient=patient, phone="1")
    assert told(colleague, start) == [("patient", "created"), ("patient", "updated")]

    CareTeamMember.objects.filter(user=other_doctor).delete()
    changes.withdraw(patient_id=patient.id, user_id=other_doctor.pk)
    assert told(colleague, start) == [("patient", "deleted")]


def test_what_ended_by_itself_is_not_told_any_more(
    api: Api, other_doctor: User, doctor: User, patient: Patient
) -> None:
    colleague = api(other_doctor)
    start = ask(colleague)["next"]
    add_to_care_team(patient=patient, user=other_doctor)
    update_patient(user=doctor, patient=patient, phone="1")
    ended = timezone.now() - timedelta(seconds=1)
    CareTeamMember.objects.filter(user=other_doctor).update(expires_at=ended)
    assert told(colleague, start) == []


def test_pages_give_every_change_once(as_doctor: APIClient, doctor: User) -> None:
    cursor = ask(as_doctor)["next"]
    made = [str(create_patient(user=doctor, family_name=f"N{n}").id) for n in range(7)]
    seen: list[str] = []
    more = True
    while more:
        page = ask(as_doctor, cursor, limit=2)
        seen += [each["id"] for each in page["changes"]]
        cursor, more = page["next"], page["more"]
    assert seen == made


@pytest.mark.parametrize("since", ["x", "%00", "MS4y", "LTEuMC4w", "é", "A" * 5000])
def test_a_made_up_cursor_is_refused(as_doctor: APIClient, since: str) -> None:
    answer = as_doctor.get(reverse("changes"), {"since": since})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", "²", "9" * 30])
def test_a_limit_that_cannot_be_is_refused(as_doctor: APIClient, limit: str) -> None:
    answer = as_doctor.get(reverse("changes"), {"limit": limit})
    assert (answer.status_code, answer.json()["field"]) == (400, "limit")


def test_who_comes_back_too_late_must_begin_anew(as_doctor: APIClient, settings: Any) -> None:
    old = int((timezone.now() - timedelta(days=settings.CHANGES_DAYS, seconds=60)).timestamp())
    answer = as_doctor.get(reverse("changes"), {"since": str(feed.Cursor(0, 0, old))})
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")


def test_only_what_is_too_old_is_purged(doctor: User, patient: Patient, settings: Any) -> None:
    update_patient(user=doctor, patient=patient, phone="1")
    first = Change.objects.earliest("id")
    first.at = timezone.now() - timedelta(days=settings.CHANGES_DAYS, seconds=60)
    first.save()
    kept = Change.objects.count() - 1
    assert feed.purge() == 1
    assert Change.objects.count() == kept


def test_a_page_costs_the_same_queries_at_any_length(
    as_doctor: APIClient, doctor: User, django_assert_max_num_queries: Any
) -> None:
    cursor = ask(as_doctor)["next"]
    for n in range(30):
        create_patient(user=doctor, family_name=f"N{n}")
    with django_assert_max_num_queries(4):
        assert len(ask(as_doctor, cursor)["changes"]) == 30


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite has one writer at a time, and none beside another in a test's memory.",
)
def test_nothing_is_missed_while_many_write_at_once() -> None:
    """Writers commit in another order than they began; a reader asks all the while."""
    doctor = User.objects.create_user("many@example.org", role=User.Role.DOCTOR)
    patient = create_patient(user=doctor, family_name="Haddad")
    cursor = feed.now()
    writers, each_writes = 8, 6
    barrier = threading.Barrier(writers)
    written: list[Any] = []

    def write(number: int) -> None:
        barrier.wait()
        for turn in range(each_writes):
            id = uuid4()
            with transaction.atomic():
                changes.publish(
                    patient_id=patient.id,
                    kind=Change.Kind.ENTRY,
                    object_id=id,
                    action=Change.Action.CREATED,
                )
                if (number + turn) % 2:  # half of them take their time before they commit
                    threading.Event().wait(0.01 * number)
            written.append(id)
        connection.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[Any] = []
    while any(thread.is_alive() for thread in threads):
        page = feed.changes_since(doctor, cursor, 5)
        seen += [change.object_id for change in page.changes]
        cursor = page.next
    seen += [change.object_id for change in feed.changes_since(doctor, cursor, 1000).changes]
    assert len(written) == writers * each_writes
    assert sorted(seen) == sorted(written)
