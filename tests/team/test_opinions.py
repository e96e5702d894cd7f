"""Second opinions: what the colleague sees, until when, and where the answer goes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from inference import runs
from inference.models import Analysis
from patients.history.services import record
from patients.models import Change, HistoryEntry, Notice, Patient
from scans.models import Opinion
from scans.tasks import end_overdue_opinions
from tests.team.conftest import Api

QUESTION = "Would you operate?"
Ask = Callable[..., Any]


@pytest.fixture
def ask(as_doctor: APIClient, analysis: Analysis, other_doctor: User) -> Ask:
    def ask(**given: Any) -> Any:
        body = {"colleague": str(other_doctor.pk), "question": QUESTION, **given}
        return as_doctor.post(reverse("opinion-ask", args=[analysis.scan_id]), body)

    return ask


@pytest.fixture
def adviser(api: Api, other_doctor: User) -> APIClient:
    return api(other_doctor)


@pytest.fixture
def entries(doctor: User, patient: Patient) -> list[HistoryEntry]:
    return [
        record(
            patient=patient,
            kind=HistoryEntry.Kind.OPINION,
            subject_id=uuid4(),
            title=f"Entry {n}",
            data={"opinion": str(uuid4()), "scan": str(uuid4()), "question": "?", "answer": "!"},
            author=doctor,
            occurred_at=timezone.now(),
        )
        for n in range(3)
    ]


def scan_routes(analysis: Analysis) -> dict[str, str]:
    """What an opinion opens, but for the original."""
    routes = {
        "scan": reverse("scan", args=[analysis.scan_id]),
        "preview": reverse("scan-preview", args=[analysis.scan_id]),
        "analysis": reverse("analysis", args=[analysis.id]),
    }
    for picture in ("mask", "overlay", "heatmap"):
        routes[picture] = reverse(f"analysis-{picture}", args=[analysis.id])
    return routes


def get_all(client: APIClient, routes: dict[str, str]) -> set[int]:
    return {client.get(address).status_code for address in routes.values()}


def address(made: Any, action: str = "") -> str:
    return reverse(f"opinion-{action}" if action else "opinion", args=[made.json()["id"]])


def test_the_colleague_sees_the_question_the_scan_and_the_chosen_entries(
    ask: Ask, adviser: APIClient, analysis: Analysis, entries: list[HistoryEntry]
) -> None:
    runs.run(analysis.id)
    assert get_all(adviser, scan_routes(analysis)) == {404}
    made = ask(entries=[str(entries[1].pk)])
    assert made.status_code == 201
    assert get_all(adviser, scan_routes(analysis)) == {200}

    answer = adviser.get(address(made))
    shown = answer.json()
    assert (shown["question"], shown["status"], shown["is_open"]) == (QUESTION, "asked", True)
    contents = shown["contents"]
    assert contents["patient"] == {"age": None, "sex": "female"}
    assert [entry["title"] for entry in contents["entries"]] == ["Entry 1"]
    assert contents["scan"]["id"] == str(analysis.scan_id)
    assert [each["status"] for each in contents["analyses"]] == ["done"]


def test_and_nothing_else_of_the_file(
    ask: Ask, adviser: APIClient, analysis: Analysis, patient: Patient, entries: list[HistoryEntry]
) -> None:
    ask()
    about_file = ["patient", "patient-history", "scans", "team", "emergencies"]
    routes = {name: reverse(name, args=[patient.id]) for name in about_file}
    assert get_all(adviser, routes) == {404}
    assert adviser.get(reverse("patients")).json()["results"] == []
    writes = [
        reverse("scan-analyses", args=[analysis.scan_id]),
        reverse("opinion-ask", args=[analysis.scan_id]),
        reverse("analysis-cancel", args=[analysis.id]),
        reverse("analysis-retry", args=[analysis.id]),
    ]
    assert {adviser.post(each).status_code for each in writes} == {404}


def test_who_the_patient_is_stays_with_the_asker(
    ask: Ask, adviser: APIClient, analysis: Analysis, patient: Patient
) -> None:
    made = ask()
    for route in (*scan_routes(analysis).values(), address(made), reverse("opinions")):
        assert b"Haddad" not in adviser.get(route).content
    assert adviser.get(address(made)).json()["contents"]["name"] is None
    original = adviser.get(reverse("scan-file", args=[analysis.scan_id]))
    assert (original.status_code, original.json()["code"]) == (403, "identifying_file")


def test_unless_they_show_it(ask: Ask, adviser: APIClient, analysis: Analysis) -> None:
    made = ask(show_name=True)
    contents = adviser.get(address(made)).json()["contents"]
    assert contents["name"] == "Haddad, Rana"
    assert contents["scan"]["note"] == "Mrs Haddad, T1"
    assert adviser.get(reverse("scan-file", args=[analysis.scan_id])).status_code == 200


def test_the_asker_sees_names_anyway(ask: Ask, as_doctor: APIClient) -> None:
    contents = as_doctor.get(address(ask())).json()["contents"]
    assert (contents["name"], contents["scan"]["note"]) == ("Haddad, Rana", "Mrs Haddad, T1")


def test_the_answer_lands_in_the_history(
    ask: Ask,
    adviser: APIClient,
    as_doctor: APIClient,
    analysis: Analysis,
    patient: Patient,
    doctor: User,
    other_doctor: User,
) -> None:
    made = ask()
    answered = adviser.post(address(made, "answer"), {"comment": "Yes, soon."})
    assert (answered.json()["status"], answered.json()["answer"]) == ("answered", "Yes, soon.")
    history = as_doctor.get(reverse("patient-history", args=[patient.id])).json()["results"]
    (entry,) = [each for each in history if each["kind"] == "opinion"]
    assert entry["data"]["answer"] == "Yes, soon."
    assert HistoryEntry.objects.get(pk=entry["id"]).author == other_doctor
    assert Notice.objects.filter(user=doctor, text__contains="answered").count() == 1
    changes = Change.objects.filter(user=doctor, kind="entry", object_id=entry["id"])
    assert changes.count() == 1


@pytest.mark.parametrize("ending", ["answer", "decline", "withdraw", "expire"])
def test_a_closed_question_shows_the_scan_no_more(
    ask: Ask,
    adviser: APIClient,
    as_doctor: APIClient,
    analysis: Analysis,
    doctor: User,
    other_doctor: User,
    ending: str,
) -> None:
    made = ask()
    assert get_all(adviser, {"scan": scan_routes(analysis)["scan"]}) == {200}
    if ending == "expire":
        Opinion.objects.update(expires_at=timezone.now())
    elif ending == "withdraw":
        as_doctor.post(address(made, "withdraw"))
    else:
        text = {"answer": {"comment": "Yes."}, "decline": {"reason": "Away."}}[ending]
        assert adviser.post(address(made, ending), text).status_code == 200

    assert get_all(adviser, scan_routes(analysis)) == {404}
    assert adviser.get(reverse("scan-file", args=[analysis.scan_id])).status_code == 404
    seen = adviser.get(address(made)).json()
    assert (seen["question"], seen["contents"], seen["is_open"]) == (QUESTION, None, False)
    assert as_doctor.get(address(made)).json()["contents"] is not None

    end_overdue_opinions()
    end_overdue_opinions()
    status = {"answer": "answered", "decline": "declined", "withdraw": "withdrawn"}
    assert Opinion.objects.get().status == status.get(ending, "expired")
    gone = Change.objects.filter(user=other_doctor, kind="scan", object_id=analysis.scan_id)
    assert [change.action for change in gone] == ["deleted"]
    told = other_doctor if ending == "withdraw" else doctor
    assert (
        Notice.objects.filter(user=told, kind="opinion").exclude(text__contains="asks").count() == 1
    )
    for late in ("answer", "decline"):
        text = {"comment": "No."} if late == "answer" else {"reason": "No."}
        answer = adviser.post(address(made, late), text)
        assert (answer.status_code, answer.json()["code"]) == (409, "opinion_closed")
    assert as_doctor.post(address(made, "withdraw")).json()["code"] == "opinion_closed"


def test_what_is_read_for_an_opinion_is_audited_as_that(
    ask: Ask, adviser: APIClient, analysis: Analysis, patient: Patient, other_doctor: User
) -> None:
    made = ask()
    adviser.get(address(made))
    adviser.get(reverse("scan", args=[analysis.scan_id]))
    adviser.get(reverse("analysis", args=[analysis.id]))
    adviser.post(address(made, "answer"), {"comment": "Yes."})
    events = Event.objects.filter(user_id=other_doctor.pk)
    assert {(e.why, e.patient_id) for e in events} == {("opinion", patient.id)}
    assert {e.action for e in events} == {
        "opinion.read",
        "scan.read",
        "analysis.read",
        "opinion.answer",
    }


def test_lists_of_what_is_asked(
    ask: Ask, api: Api, adviser: APIClient, as_doctor: APIClient, third_doctor: User
) -> None:
    first = ask().json()["id"]
    second = ask(colleague=str(third_doctor.pk)).json()["id"]

    def listed(client: APIClient, **which: str) -> list[str]:
        return [each["id"] for each in client.get(reverse("opinions"), which).json()["results"]]

    assert listed(as_doctor) == listed(as_doctor, asked="by_me") == [second, first]
    assert listed(as_doctor, asked="of_me") == []
    assert listed(adviser) == listed(adviser, asked="of_me") == [first]
    assert listed(api(third_doctor)) == [second]
    assert as_doctor.get(reverse("opinions"), {"asked": "x"}).status_code == 400


def test_asking_twice_or_after_the_end(ask: Ask) -> None:
    ask()
    again = ask()
    assert (again.status_code, again.json()["code"]) == (409, "already_asked")
    Opinion.objects.update(expires_at=timezone.now())
    assert ask().status_code == 201


def test_the_setting_says_how_long(ask: Ask, settings: Any) -> None:
    settings.OPINION_DAYS = 3
    ask()
    left = Opinion.objects.get().expires_at - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"question": " "}, "blank"),
        ({"question": "x" * 4001}, "max_length"),
        ({"colleague": str(uuid4())}, "unknown_colleague"),
        ({"entries": [str(uuid4())]}, "unknown_entry"),
        ({"entries": "x"}, "not_a_list"),
        ({"show": True}, "unknown_field"),
    ],
)
def test_bad_input(ask: Ask, given: dict[str, Any], code: str) -> None:
    answer = ask(**given)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Opinion.objects.exists()


def test_only_another_doctor_can_be_asked(ask: Ask, doctor: User, student: User) -> None:
    assert ask(colleague=str(doctor.pk)).json()["code"] == "same_person"
    assert ask(colleague=str(student.pk)).json()["code"] == "unknown_colleague"


def test_entries_of_other_patients_cannot_be_chosen(
    ask: Ask, entries: list[HistoryEntry], doctor: User
) -> None:
    other = Patient.objects.create(family_name="Other", created_by=doctor)
    HistoryEntry.objects.filter(pk=entries[0].pk).update(patient=other)
    assert ask(entries=[str(entries[0].pk)]).json()["code"] == "unknown_entry"


def test_readers_do_not_ask(
    ask: Ask, api: Api, as_doctor: APIClient, analysis: Analysis, third_doctor: User
) -> None:
    team = reverse("team", args=[analysis.scan.patient_id])
    as_doctor.post(team, {"user": str(third_doctor.pk), "level": "reader"})
    body = {"colleague": str(uuid4()), "question": QUESTION}
    answer = api(third_doctor).post(reverse("opinion-ask", args=[analysis.scan_id]), body)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_access")
    assert api(third_doctor).post(address(ask(), "withdraw")).status_code == 403


def test_only_who_is_asked_answers(ask: Ask, as_doctor: APIClient, api: Api, admin: User) -> None:
    made = ask()
    for client in (as_doctor, api(admin)):
        answer = client.post(address(made, "answer"), {"comment": "Yes."})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_asked")
    assert as_doctor.get(address(made)).json()["status"] == "asked"


def test_who_left_the_file_sees_their_question_no_more_and_an_owner_withdraws_it(
    ask: Ask, api: Api, as_doctor: APIClient, patient: Patient, third_doctor: User
) -> None:
    made = ask()
    as_doctor.post(
        reverse("hand-over", args=[patient.id]), {"to": str(third_doctor.pk), "stay_as": None}
    )
    assert as_doctor.get(address(made)).status_code == 404
    assert as_doctor.get(reverse("opinions")).json()["results"] == []
    assert as_doctor.post(address(made, "withdraw")).status_code == 404
    assert api(third_doctor).post(address(made, "withdraw")).json()["status"] == "withdrawn"


def test_a_doctor_who_is_one_no_more_sees_nothing(
    ask: Ask, api: Api, analysis: Analysis, other_doctor: User
) -> None:
    made = ask()
    User.objects.filter(pk=other_doctor.pk).update(role=User.Role.STUDENT)
    other_doctor.refresh_from_db()
    routes = {**scan_routes(analysis), "opinion": address(made)}
    assert get_all(api(other_doctor), routes) == {404}


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    ask: Ask,
    adviser: APIClient,
    analysis: Analysis,
    entries: list[HistoryEntry],
    third_doctor: User,
    django_assert_max_num_queries: Any,
) -> None:
    made = ask(entries=[str(entry.pk) for entry in entries[:1]])
    with django_assert_max_num_queries(30) as few:
        adviser.get(address(made))
    opinion = Opinion.objects.get()
    opinion.entries.set(entries)
    for _ in range(3):
        Analysis.objects.create(scan=analysis.scan, status=Analysis.Status.FAILED)
    with django_assert_max_num_queries(len(few)):
        adviser.get(address(made))


def test_in_the_admin_site_opinions_are_for_looking(ask: Ask, admin_site: Client) -> None:
    ask()
    page = reverse("admin:scans_opinion_change", args=[Opinion.objects.get().pk])
    assert QUESTION in admin_site.get(page).content.decode()
    assert admin_site.post(page, {"question": "Else?"}).status_code == 403
