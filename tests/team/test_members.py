"""Adding, changing and removing members; leaving; handing over; shares that end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from patients.access import Level
from patients.models import CareTeamMember, Change, Notice, Patient
from patients.tasks import clear_ended_access
from tests.factories import UserFactory
from tests.team.conftest import Api, levels

Add = Callable[..., Any]


def member_url(patient: Patient, user: User) -> str:
    return reverse("team-member", args=[patient.id, user.pk])


def sees(api: Api, user: User, patient: Patient) -> bool:
    return api(user).get(reverse("patient", args=[patient.id])).status_code == 200


def in_days(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(("level", "may_edit"), [("reader", 403), ("writer", 200), ("owner", 200)])
def test_an_owner_lets_a_colleague_in(
    api: Api, add: Add, patient: Patient, other_doctor: User, level: str, may_edit: int
) -> None:
    made = add(other_doctor, level)
    assert made.status_code == 201
    assert (made.json()["level"], made.json()["via"]) == (level, "team")
    edited = api(other_doctor).patch(
        reverse("patient", args=[patient.id]), {"given_name": "R."}, headers={"If-Match": "*"}
    )
    assert edited.status_code == may_edit


def test_by_address_in_any_case(
    as_doctor: APIClient, team_url: str, patient: Patient, other_doctor: User
) -> None:
    made = as_doctor.post(team_url, {"email": other_doctor.email.upper(), "level": "writer"})
    assert made.status_code == 201
    assert levels(patient)[other_doctor] == Level.WRITER


def test_who_is_told_of_it(
    api: Api, add: Add, patient: Patient, doctor: User, other_doctor: User
) -> None:
    add(other_doctor)
    (notice,) = api(other_doctor).get(reverse("notices")).json()["results"]
    assert doctor.get_full_name() in notice["text"]
    assert patient.family_name not in notice["text"]
    assert (notice["patient_id"], notice["read_at"]) == (str(patient.id), None)
    change = Change.objects.filter(user=other_doctor).earliest("id")
    assert (change.object_id, change.action) == (patient.id, Change.Action.CREATED)


def test_the_audit_says_whose_membership_became_what(
    as_doctor: APIClient, add: Add, patient: Patient, doctor: User, other_doctor: User
) -> None:
    add(other_doctor)
    as_doctor.patch(member_url(patient, other_doctor), {"level": "writer"})
    as_doctor.delete(member_url(patient, other_doctor))
    events = Event.objects.filter(user_id=doctor.pk, patient_id=patient.id).order_by("at")
    assert [(e.action, e.details["level"]) for e in events] == [
        ("team.add", "reader"),
        ("team.change", "writer"),
        ("team.remove", "writer"),
    ]
    assert {(e.subject_kind, e.subject_id) for e in events} == {("user", other_doctor.pk)}


def test_a_notice_is_read_once_and_by_its_own_reader(
    api: Api, add: Add, doctor: User, other_doctor: User
) -> None:
    add(other_doctor)
    address = reverse("notice-read", args=[Notice.objects.get(user=other_doctor).pk])
    assert api(doctor).post(address).status_code == 404
    first = api(other_doctor).post(address).json()["read_at"]
    assert first is not None
    assert api(other_doctor).post(address).json()["read_at"] == first


def test_whoever_is_no_doctor_looks_like_nobody(
    as_doctor: APIClient, team_url: str, student: User, admin: User, other_doctor: User
) -> None:
    User.objects.filter(pk=other_doctor.pk).update(is_active=False)
    by_address = [
        as_doctor.post(team_url, {"email": email})
        for email in (student.email, admin.email, other_doctor.email, "nobody@example.org", "x")
    ]
    assert {answer.status_code for answer in by_address} == {400}
    assert len({answer.content for answer in by_address}) == 1
    assert by_address[0].json()["code"] == "unknown_colleague"
    assert as_doctor.post(team_url, {"user": str(student.pk)}).json()["code"] == "unknown_colleague"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "one_colleague"),
        (
            {"email": "a@example.org", "user": "00000000-0000-0000-0000-000000000001"},
            "one_colleague",
        ),
        ({"email": "a@example.org", "level": "god"}, "invalid_choice"),
        ({"email": "a@example.org", "level": 3}, "invalid_choice"),
        ({"email": "a@example.org", "until": "2030-01-01"}, "unknown_field"),
        ({"user": "x"}, "invalid"),
    ],
)
def test_bad_input(as_doctor: APIClient, team_url: str, given: dict[str, Any], code: str) -> None:
    answer = as_doctor.post(team_url, given)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("level", ["reader", "writer"])
def test_only_owners_decide(
    api: Api, add: Add, team_url: str, patient: Patient, other_doctor: User, level: str
) -> None:
    add(other_doctor, level)
    client = api(other_doctor)
    me, owner = member_url(patient, other_doctor), member_url(patient, patient.created_by)
    answers = [
        client.post(team_url, {"email": "x@example.org"}),
        client.patch(me, {"level": "owner"}),
        client.delete(owner),
        client.post(
            reverse("hand-over", args=[patient.id]), {"to": str(other_doctor.pk), "stay_as": None}
        ),
    ]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "owner_required")}
    assert client.get(team_url).status_code == 200


def test_everybody_in_the_team_sees_it_but_no_addresses(
    api: Api, add: Add, team_url: str, doctor: User, other_doctor: User
) -> None:
    add(other_doctor)
    answer = api(other_doctor).get(team_url)
    assert [m["user"] for m in answer.json()["results"]] == [str(doctor.pk), str(other_doctor.pk)]
    assert "@" not in answer.content.decode()


def test_adding_twice(add: Add, patient: Patient, other_doctor: User) -> None:
    add(other_doctor, "writer")
    again = add(other_doctor, "reader")
    assert (again.status_code, again.json()["code"]) == (409, "already_member")
    assert levels(patient)[other_doctor] == Level.WRITER


def test_changing_a_level(
    as_doctor: APIClient, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor)
    changed = as_doctor.patch(member_url(patient, other_doctor), {"level": "owner"})
    assert (changed.status_code, changed.json()["level"]) == (200, "owner")
    assert levels(patient)[other_doctor] == Level.OWNER


def test_removing(
    api: Api, as_doctor: APIClient, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor)
    assert as_doctor.delete(member_url(patient, other_doctor)).status_code == 204
    assert not sees(api, other_doctor, patient)
    (change,) = Change.objects.filter(user=other_doctor)
    assert change.action == Change.Action.DELETED
    assert as_doctor.delete(member_url(patient, other_doctor)).status_code == 404


@pytest.mark.parametrize("level", ["reader", "writer", "owner"])
def test_everybody_may_leave(
    api: Api, add: Add, patient: Patient, doctor: User, other_doctor: User, level: str
) -> None:
    add(other_doctor, level)
    assert api(other_doctor).delete(member_url(patient, other_doctor)).status_code == 204
    assert not sees(api, other_doctor, patient)
    assert Notice.objects.filter(user=doctor, text__contains="left").exists()


def test_the_last_owner_stays(
    as_doctor: APIClient, api: Api, add: Add, patient: Patient, doctor: User, admin: User
) -> None:
    me = member_url(patient, doctor)
    for answer in (
        as_doctor.delete(me),
        as_doctor.patch(me, {"level": "writer"}),
        api(admin).delete(me),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert levels(patient) == {doctor: Level.OWNER}


def test_an_owner_whose_account_is_closed_does_not_count(
    as_doctor: APIClient, add: Add, patient: Patient, doctor: User, other_doctor: User
) -> None:
    add(other_doctor, "owner")
    User.objects.filter(pk=other_doctor.pk).update(is_active=False)
    assert as_doctor.delete(member_url(patient, doctor)).json()["code"] == "last_owner"


def test_an_account_that_alone_owns_a_file_is_not_deleted(
    admin_site: Any, as_doctor: APIClient, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor, "owner")
    as_doctor.delete(member_url(patient, patient.created_by))
    address = reverse("admin:accounts_user_delete", args=[other_doctor.pk])
    admin_site.post(address, {"post": "yes"})
    assert levels(patient) == {other_doctor: Level.OWNER}


@pytest.mark.parametrize("stay_as", ["reader", "writer", None])
@pytest.mark.parametrize("member_before", [False, True])
def test_handing_over(
    as_doctor: APIClient,
    add: Add,
    patient: Patient,
    doctor: User,
    other_doctor: User,
    stay_as: str | None,
    member_before: bool,
) -> None:
    if member_before:
        add(other_doctor, "reader", expires_at=in_days(3))
    answer = as_doctor.post(
        reverse("hand-over", args=[patient.id]), {"to": str(other_doctor.pk), "stay_as": stay_as}
    )
    assert answer.status_code == 200
    expected: dict[User, int] = {other_doctor: Level.OWNER}
    if stay_as:
        expected[doctor] = Level.__members__[stay_as.upper()]
    assert levels(patient) == expected
    assert CareTeamMember.objects.get(user=other_doctor).expires_at is None
    assert Notice.objects.filter(user=other_doctor, kind=Notice.Kind.HAND_OVER).exists()


def test_a_file_is_handed_over_to_another_doctor(
    as_doctor: APIClient, patient: Patient, doctor: User, student: User
) -> None:
    address = reverse("hand-over", args=[patient.id])
    codes = [
        as_doctor.post(address, {"to": str(user.pk), "stay_as": None}).json()["code"]
        for user in (doctor, student)
    ]
    assert codes == ["same_person", "unknown_colleague"]
    answer = as_doctor.post(address, {"to": str(student.pk), "stay_as": "owner"})
    assert (answer.status_code, answer.json()["field"]) == (400, "stay_as")
    assert levels(patient) == {doctor: Level.OWNER}


def test_an_admin_gives_a_file_another_owner(
    api: Api, admin: User, patient: Patient, doctor: User, other_doctor: User
) -> None:
    User.objects.filter(pk=doctor.pk).update(is_active=False)
    answer = api(admin).post(
        reverse("hand-over", args=[patient.id]), {"to": str(other_doctor.pk), "stay_as": None}
    )
    assert answer.status_code == 200
    assert levels(patient) == {doctor: Level.OWNER, other_doctor: Level.OWNER}


def test_a_share_ends_by_itself(
    api: Api, add: Add, patient: Patient, doctor: User, other_doctor: User
) -> None:
    made = add(other_doctor, "writer", expires_at=in_days(1))
    assert (made.status_code, made.json()["via"]) == (201, "share")
    read = Event.objects.filter(user_id=other_doctor.pk, action="patient.read")
    assert sees(api, other_doctor, patient)
    assert read.get().why == "share"

    CareTeamMember.objects.filter(user=other_doctor).update(expires_at=timezone.now())
    assert not sees(api, other_doctor, patient)

    clear_ended_access()
    clear_ended_access()
    assert not CareTeamMember.objects.filter(user=other_doctor).exists()
    (change,) = Change.objects.filter(user=other_doctor)
    assert change.action == Change.Action.DELETED
    event = Event.objects.get(action="team.end")
    assert (event.subject_id, event.why, event.user_id) == (other_doctor.pk, "share", None)
    for told in (doctor, other_doctor):
        assert Notice.objects.filter(user=told, text__contains="has ended").count() == 1


def test_a_share_that_was_prolonged_is_not_cleared(
    as_doctor: APIClient, api: Api, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor, expires_at=in_days(1))
    changed = as_doctor.patch(member_url(patient, other_doctor), {"expires_at": None})
    assert changed.json()["via"] == "team"
    clear_ended_access()
    assert sees(api, other_doctor, patient)


def test_a_share_that_ended_can_be_given_again(
    api: Api, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor, expires_at=in_days(1))
    CareTeamMember.objects.filter(user=other_doctor).update(expires_at=timezone.now())
    assert add(other_doctor, "writer").status_code == 201
    assert levels(patient)[other_doctor] == Level.WRITER


@pytest.mark.parametrize(
    ("level", "days", "code"),
    [
        ("reader", -1, "date_in_past"),
        ("reader", 367, "share_too_long"),
        ("owner", 1, "owner_has_no_end"),
    ],
)
def test_ends_that_cannot_be(
    as_doctor: APIClient,
    add: Add,
    patient: Patient,
    other_doctor: User,
    third_doctor: User,
    level: str,
    days: int,
    code: str,
) -> None:
    add(third_doctor, level)
    end = {"expires_at": in_days(days)}
    for answer in (
        add(other_doctor, level, **end),
        as_doctor.patch(member_url(patient, third_doctor), end),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.json()["field"] == "expires_at"
    assert CareTeamMember.objects.get(user=third_doctor).expires_at is None


def test_a_share_does_not_become_ownership_by_its_level_alone(
    as_doctor: APIClient, add: Add, patient: Patient, other_doctor: User
) -> None:
    add(other_doctor, expires_at=in_days(1))
    address = member_url(patient, other_doctor)
    assert as_doctor.patch(address, {"level": "owner"}).json()["code"] == "owner_has_no_end"
    both = as_doctor.patch(address, {"level": "owner", "expires_at": None})
    assert (both.status_code, both.json()["via"]) == (200, "team")


def test_colleagues_to_choose_from(api: Api, doctor: User, student: User, admin: User) -> None:
    UserFactory.create(
        role=User.Role.DOCTOR, first_name="Lina", last_name="Saab", specialty="Neurosurgery"
    )
    UserFactory.create(role=User.Role.DOCTOR, first_name="Omar", last_name="Saab", is_active=False)
    UserFactory.create(role=User.Role.STUDENT, first_name="Lina", last_name="Saab")
    client = api(doctor)
    for text, names in {
        "saab": ["Lina Saab"],
        "neuro lin": ["Lina Saab"],
        "saab radio": [],
        doctor.last_name: [],
    }.items():
        answer = client.get(reverse("colleagues"), {"search": text})
        assert [found["name"] for found in answer.json()["results"]] == names
        assert "@" not in answer.content.decode()
    assert client.get(reverse("colleagues"), {"search": "x" * 201}).status_code == 400


def test_colleagues_are_paged(api: Api, doctor: User) -> None:
    UserFactory.create_batch(5, role=User.Role.DOCTOR)
    seen, page = [], reverse("colleagues") + "?page_size=2"
    while page:
        answer = api(doctor).get(page).json()
        seen += [found["id"] for found in answer["results"]]
        page = answer["next"]
    assert len(seen) == len(set(seen)) == 5
