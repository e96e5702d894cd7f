"""Emergency access: who gets in, who is told, what stays."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from patients.access import Level
from patients.models import CareTeamMember, EmergencyAccess, Notice, Patient
from patients.services import create_patient
from patients.tasks import clear_ended_access, tell_of_emergencies
from tests.team.conftest import Api, levels

REASON = "Brought in unconscious, had a seizure."


@pytest.fixture
def patient(doctor: User) -> Patient:
    return create_patient(
        user=doctor,
        family_name="Haddad",
        given_name="Rana",
        birth_date="1980-02-29",
        identifiers=[{"kind": "medical_record", "issuer": "St George", "value": "H 17"}],
    )


@pytest.fixture
def rescuer(api: Api, other_doctor: User) -> APIClient:
    return api(other_doctor)


def ask(client: APIClient, **given: Any) -> Any:
    return client.post(reverse("emergency-access"), {"reason": REASON, **given})


def outcome(client: APIClient, patient: Patient) -> tuple[int, int]:
    """What reading the file and writing in it come to."""
    address = reverse("patient", args=[patient.id])
    edit = client.patch(address, {"given_name": "R."}, headers={"If-Match": "*"})
    return client.get(address).status_code, edit.status_code


@pytest.mark.parametrize(
    "named",
    [
        {"identifier": {"issuer": "St George", "value": "H 17"}},
        {"identifier": {"issuer": "st george", "value": "h  17"}},
        {"family_name": "HADDAD", "birth_date": "1980-02-29"},
        "id",
    ],
)
def test_a_doctor_outside_the_team_gets_in(
    rescuer: APIClient, patient: Patient, other_doctor: User, settings: Any, named: Any
) -> None:
    settings.EMERGENCY_ACCESS_MINUTES = 30
    before = timezone.now()
    made = ask(rescuer, **({"patient": str(patient.id)} if named == "id" else named))
    assert made.status_code == 201
    assert made.json()["patient"] == str(patient.id)
    assert outcome(rescuer, patient) == (200, 200)

    access = EmergencyAccess.objects.get()
    assert (access.doctor, access.reason) == (other_doctor, REASON)
    assert timedelta(minutes=29) < access.until - before < timedelta(minutes=31)


def test_it_stands_out_in_the_audit(
    rescuer: APIClient, patient: Patient, other_doctor: User
) -> None:
    ask(rescuer, patient=str(patient.id))
    rescuer.get(reverse("patient", args=[patient.id]))
    opened = Event.objects.get(action="emergency.open")
    assert (opened.user_id, opened.patient_id) == (other_doctor.pk, patient.id)
    assert (opened.why, opened.details["reason"]) == ("emergency", REASON)
    assert Event.objects.get(action="patient.read").why == "emergency"


def test_the_team_and_admins_are_told_and_nothing_of_the_patient(
    rescuer: APIClient, patient: Patient, doctor: User, admin: User, other_doctor: User
) -> None:
    ask(rescuer, patient=str(patient.id))
    tell_of_emergencies()
    tell_of_emergencies()
    access = EmergencyAccess.objects.get()
    assert sorted(message.to for message in mail.outbox) == sorted([[doctor.email], [admin.email]])
    for message in mail.outbox:
        assert str(access.id) in message.body
        for word in ("Haddad", "Rana", "1980", "H 17", REASON, str(patient.id)):
            assert word not in f"{message.subject} {message.body}"
    for told in (doctor, admin):
        notice = Notice.objects.get(user=told)
        assert (notice.kind, notice.object_id) == (Notice.Kind.EMERGENCY, access.id)
        assert "Haddad" not in notice.text
    assert not Notice.objects.filter(user=other_doctor).exists()


def test_mail_that_could_not_be_sent_is_sent_later(
    rescuer: APIClient, patient: Patient, settings: Any, doctor: User
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert ask(rescuer, patient=str(patient.id)).status_code == 201
    tell_of_emergencies()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    clear_ended_access()
    assert [message.to for message in mail.outbox] == [[doctor.email]]


def test_it_ends_by_itself_and_the_record_stays(
    rescuer: APIClient, patient: Patient, other_doctor: User
) -> None:
    ask(rescuer, patient=str(patient.id))
    CareTeamMember.objects.filter(user=other_doctor).update(expires_at=timezone.now())
    assert outcome(rescuer, patient) == (404, 404)
    clear_ended_access()
    assert other_doctor not in levels(patient)
    Patient.objects.all().delete()
    assert EmergencyAccess.objects.get().patient_id == patient.id


@pytest.mark.parametrize(
    "named",
    [
        {"patient": str(uuid4())},
        {"identifier": {"issuer": "St George", "value": "H 18"}},
        {"identifier": {"issuer": "Elsewhere", "value": "H 17"}},
        {"family_name": "Hadda", "birth_date": "1980-02-29"},
        {"family_name": "Haddad", "birth_date": "1980-02-28"},
        {"family_name": "Twin", "birth_date": "2001-01-01"},
    ],
)
def test_a_wrong_guess_is_recorded_and_says_nothing(
    rescuer: APIClient, patient: Patient, doctor: User, other_doctor: User, named: dict[str, Any]
) -> None:
    for given in ("A", "B"):
        create_patient(user=doctor, family_name="Twin", given_name=given, birth_date="2001-01-01")
    answer = ask(rescuer, **named)
    nothing = rescuer.get(reverse("patient", args=[uuid4()]))
    assert (answer.status_code, answer.content) == (404, nothing.content)
    event = Event.objects.get(action="emergency.refused")
    assert (event.user_id, event.patient_id) == (other_doctor.pk, None)
    assert not EmergencyAccess.objects.exists()


def test_nobody_walks_through_the_register(
    rescuer: APIClient,
    patient: Patient,
    other_doctor: User,
    third_doctor: User,
    api: Api,
    settings: Any,
) -> None:
    settings.EMERGENCY_ACCESS_PER_DAY = 3
    guesses = [ask(rescuer, patient=str(uuid4())).status_code for _ in range(2)]
    guesses += [ask(rescuer, patient=str(patient.id)).status_code]
    assert guesses == [404, 404, 201]
    for named in (patient.id, uuid4()):
        refused = ask(rescuer, patient=str(named))
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 24 * 60 * 60
    assert Event.objects.filter(action="emergency.limited").count() == 2
    assert ask(api(third_doctor), patient=str(patient.id)).status_code == 201

    tries = Event.objects.filter(user_id=other_doctor.pk)
    super(type(tries), tries).update(at=timezone.now() - timedelta(hours=25))
    assert ask(rescuer, patient=str(uuid4())).status_code == 404


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"reason": "Seizure."}, "reason_too_short"),
        ({"reason": "x" * 30}, "reason_too_short"),
        ({"reason": "asdf asdf asdf asdf asdf"}, "reason_too_short"),
        ({"reason": "Seizure." + " " * 30}, "reason_too_short"),
        ({"patient": None}, "null"),
        ({"family_name": "Haddad"}, "one_way"),
        ({"identifier": {"issuer": "x"}}, "required"),
        ({"family_name": "Haddad", "patient": str(uuid4())}, "one_way"),
        ({"family_name": "Haddad", "birth_date": "1980-02-30"}, "invalid"),
    ],
)
def test_bad_input(rescuer: APIClient, given: dict[str, Any], code: str) -> None:
    named = {} if given.keys() - {"reason"} else {"patient": str(uuid4())}
    answer = ask(rescuer, **{**named, **given})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Event.objects.exists()


def test_students_never(api: Api, student: User, patient: Patient) -> None:
    assert ask(api(student), patient=str(patient.id)).status_code == 404
    assert not EmergencyAccess.objects.exists()


def test_not_for_those_who_may_see_the_file(
    api: Api, doctor: User, admin: User, patient: Patient
) -> None:
    for user in (doctor, admin):
        answer = ask(api(user), patient=str(patient.id))
        assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    assert levels(patient) == {doctor: Level.OWNER}


@pytest.mark.parametrize("who", ["rescuer", "owner", "admin"])
def test_ending_it_early(
    api: Api, rescuer: APIClient, patient: Patient, doctor: User, admin: User, who: str
) -> None:
    made = ask(rescuer, patient=str(patient.id)).json()
    client = {"rescuer": rescuer, "owner": api(doctor), "admin": api(admin)}[who]
    address = reverse("emergency-end", args=[made["id"]])
    assert client.post(address).json()["is_open"] is False
    assert outcome(rescuer, patient) == (404, 404)
    assert api(doctor).post(address).json()["code"] == "already_ended"


def test_leaving_ends_it(rescuer: APIClient, patient: Patient, other_doctor: User) -> None:
    ask(rescuer, patient=str(patient.id))
    member = reverse("team-member", args=[patient.id, other_doctor.pk])
    assert rescuer.delete(member).status_code == 204
    assert not EmergencyAccess.objects.get().is_open


def test_who_came_in_an_emergency_may_be_taken_into_the_team(
    as_doctor: APIClient, rescuer: APIClient, patient: Patient, other_doctor: User
) -> None:
    ask(rescuer, patient=str(patient.id))
    made = as_doctor.post(
        reverse("team", args=[patient.id]), {"user": str(other_doctor.pk), "level": "reader"}
    )
    assert (made.status_code, made.json()["via"]) == (201, "team")
    assert outcome(rescuer, patient) == (200, 403)
    assert not EmergencyAccess.objects.get().is_open


def test_another_reader_does_not_end_it(
    api: Api,
    as_doctor: APIClient,
    rescuer: APIClient,
    third_doctor: User,
    patient: Patient,
) -> None:
    as_doctor.post(reverse("team", args=[patient.id]), {"user": str(third_doctor.pk)})
    made = ask(rescuer, patient=str(patient.id)).json()
    assert api(third_doctor).post(reverse("emergency-end", args=[made["id"]])).status_code == 403
    assert outcome(rescuer, patient) == (200, 200)


def test_an_owner_reviews_it_once(
    as_doctor: APIClient, rescuer: APIClient, patient: Patient, doctor: User, other_doctor: User
) -> None:
    made = ask(rescuer, patient=str(patient.id)).json()
    address = reverse("emergency-review", args=[made["id"]])
    assert rescuer.post(address, {"comment": "I was right."}).status_code == 403
    assert as_doctor.post(address, {"comment": " "}).status_code == 400
    reviewed = as_doctor.post(address, {"comment": "Rightly so."})
    assert reviewed.json()["review"] == "Rightly so."
    assert reviewed.json()["reviewed_by"] == doctor.get_full_name()
    assert as_doctor.post(address, {"comment": "No."}).json()["code"] == "already_reviewed"
    (listed,) = as_doctor.get(reverse("emergencies", args=[patient.id])).json()["results"]
    assert listed["review"] == "Rightly so."
    assert Notice.objects.filter(user=other_doctor, text__contains="reviewed").exists()


def test_nobody_reviews_their_own(
    as_doctor: APIClient, rescuer: APIClient, patient: Patient, other_doctor: User
) -> None:
    made = ask(rescuer, patient=str(patient.id)).json()
    as_doctor.patch(
        reverse("team-member", args=[patient.id, other_doctor.pk]),
        {"level": "owner", "expires_at": None},
    )
    answer = rescuer.post(reverse("emergency-review", args=[made["id"]]), {"comment": "Fine."})
    assert (answer.status_code, answer.json()["code"]) == (403, "own_access")


def test_admins_find_what_nobody_reviewed_and_review_it(
    admin_site: Client, rescuer: APIClient, patient: Patient, admin: User
) -> None:
    ask(rescuer, patient=str(patient.id))
    access = EmergencyAccess.objects.get()
    listed = admin_site.get(reverse("admin:patients_emergencyaccess_changelist"))
    assert "open now" in listed.content.decode()
    page = reverse("admin:patients_emergencyaccess_change", args=[access.pk])
    assert admin_site.post(page, {"review": ""}).status_code == 200
    assert admin_site.post(page, {"review": "Asked the ward."}).status_code == 302
    access.refresh_from_db()
    assert (access.review, access.reviewed_by) == ("Asked the ward.", admin)
    assert admin_site.post(page, {"review": "Else."}).status_code == 403
    assert admin_site.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 403
