"""Nothing that was said is lost: edits and retractions keep what stood there before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis
from patients.models import CareTeamMember, Change, HistoryEntry, HistoryVersion, Patient
from patients.services import add_to_care_team
from tests.history.conftest import CONDITION, Answer, entry_url


def edit(client: APIClient, entry: Answer, body: Answer, etag: str | None = None) -> Any:
    etag = etag or client.get(entry_url(entry))["ETag"]
    return client.patch(entry_url(entry), body, headers={"If-Match": etag})


def retract(client: APIClient, entry: Answer, reason: str = "Wrong patient.") -> Any:
    headers = {"If-Match": "*"}
    return client.delete(entry_url(entry), {"reason": reason}, headers=headers)


def versions(client: APIClient, entry: Answer) -> list[Answer]:
    return client.get(reverse("history-versions", args=[entry["id"]])).json()["results"]


def test_an_entry_says_who_wrote_it_and_when(
    as_doctor: APIClient, write: Callable[..., Answer], doctor: User
) -> None:
    entry = write("condition", CONDITION, occurred_at="2019-05")
    assert entry["author"] == {"id": str(doctor.id), "name": str(doctor)}
    assert (entry["status"], entry["version"]) == ("current", 1)
    assert entry["recorded_at"] <= entry["updated_at"]
    assert as_doctor.get(entry_url(entry)).json() == entry


def test_an_edit_keeps_what_stood_there(
    as_doctor: APIClient,
    api: Callable[..., APIClient],
    write: Callable[..., Answer],
    patient: Patient,
    other_doctor: User,
) -> None:
    entry = write("medication", {"name": "Dexamethasone", "dose": "4 mg", "status": "active"})
    add_to_care_team(patient=patient, user=other_doctor)
    changed = edit(
        api(other_doctor),
        entry,
        {"data": {"dose": "8 mg"}, "occurred_at": "2026-10", "reason": "Oedema."},
    )
    assert changed.status_code == 200
    now = changed.json()
    assert now["data"] == {"name": "Dexamethasone", "dose": "8 mg", "status": "active"}
    assert (now["title"], now["occurred_at"]) == ("Dexamethasone, 8 mg", "2026-10")
    assert (now["version"], now["author"]) == (2, entry["author"])

    latest, first = versions(as_doctor, entry)
    assert (latest["version"], latest["author"]["id"]) == (2, str(other_doctor.id))
    assert (latest["reason"], latest["data"]) == ("Oedema.", now["data"])
    assert (first["version"], first["author"]) == (1, entry["author"])
    assert {name: first[name] for name in ("title", "data", "occurred_at", "precision")} == {
        name: entry[name] for name in ("title", "data", "occurred_at", "precision")
    }


def test_null_takes_a_value_away(as_doctor: APIClient, write: Callable[..., Answer]) -> None:
    entry = write("symptom", {"text": "Headache", "severity": "mild"})
    assert edit(as_doctor, entry, {"data": {"severity": None}}).json()["data"] == {
        "text": "Headache"
    }
    refused = edit(as_doctor, entry, {"data": {"text": None}})
    assert (refused.status_code, refused.json()["field"]) == (400, "data.text")


def test_an_entry_sent_back_as_it_was_read_changes_nothing(
    as_doctor: APIClient, write: Callable[..., Answer]
) -> None:
    entry = write("condition", CONDITION, occurred_at="2019-05")
    again = edit(as_doctor, entry, entry)
    assert (again.status_code, again.json()) == (200, entry)
    assert len(versions(as_doctor, entry)) == 1


def test_an_edit_needs_the_version_it_was_made_on(
    as_doctor: APIClient, write: Callable[..., Answer]
) -> None:
    entry = write("symptom", {"text": "Headache"})
    old = as_doctor.get(entry_url(entry))["ETag"]
    assert as_doctor.patch(entry_url(entry), {}).json()["code"] == "if_match_required"
    assert as_doctor.delete(entry_url(entry), {}).json()["code"] == "if_match_required"
    first = edit(as_doctor, entry, {"data": {"severity": "mild"}}, old)
    late = edit(as_doctor, entry, {"data": {"severity": "severe"}}, old)
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    assert late.json()["current"] == first.json()
    assert late["ETag"] == first["ETag"] != old
    assert as_doctor.get(entry_url(entry)).json() == first.json()


def test_a_patient_that_was_changed_is_shown_as_it_is_now(
    as_doctor: APIClient, patient: Patient
) -> None:
    url = reverse("patient", args=[patient.id])
    late = as_doctor.patch(url, {"given_name": "x"}, headers={"If-Match": '"old"'})
    assert late.status_code == 412
    assert late.json()["current"] == as_doctor.get(url).json()


def test_an_unchanged_entry_is_not_sent_again(as_doctor: APIClient, note: Answer) -> None:
    etag = as_doctor.get(entry_url(note))["ETag"]
    unchanged = {"If-None-Match": etag}
    assert as_doctor.get(entry_url(note), headers=unchanged).status_code == 304
    edit(as_doctor, note, {"data": {"text": "Other."}})
    assert as_doctor.get(entry_url(note), headers=unchanged).status_code == 200


def test_an_unchanged_timeline_is_not_sent_again(
    as_doctor: APIClient, url: str, note: Answer
) -> None:
    unchanged = {"If-None-Match": as_doctor.get(url)["ETag"]}
    assert as_doctor.get(url, headers=unchanged).status_code == 304
    edit(as_doctor, note, {"data": {"text": "Other."}})
    assert as_doctor.get(url, headers=unchanged).status_code == 200


def test_what_was_entered_in_error_stays_and_says_so(
    as_doctor: APIClient, url: str, note: Answer
) -> None:
    marked = retract(as_doctor, note)
    assert marked.status_code == 200
    assert (marked.json()["status"], marked.json()["version"]) == ("entered_in_error", 2)
    assert marked.json()["data"] == note["data"]
    assert versions(as_doctor, note)[0]["reason"] == "Wrong patient."

    assert as_doctor.get(url).json()["results"] == []
    shown = as_doctor.get(url, {"status": ["current", "entered_in_error"]}).json()["results"]
    assert shown == [marked.json()]
    assert as_doctor.get(entry_url(note)).json() == marked.json()


def test_what_was_entered_in_error_is_not_worked_on(as_doctor: APIClient, note: Answer) -> None:
    retract(as_doctor, note)
    for again in (retract(as_doctor, note), edit(as_doctor, note, {"data": {"text": "x"}})):
        assert (again.status_code, again.json()["code"]) == (409, "entered_in_error")
    assert len(versions(as_doctor, note)) == 2


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x" * 501}, {"why": "x"}])
def test_taking_back_needs_a_reason(as_doctor: APIClient, note: Answer, body: Answer) -> None:
    refused = as_doctor.delete(entry_url(note), body, headers={"If-Match": "*"})
    assert refused.status_code == 400
    assert as_doctor.get(entry_url(note)).json()["status"] == "current"


def test_readings_are_not_edited_here(as_doctor: APIClient, done: Analysis) -> None:
    entry = {"id": str(HistoryEntry.objects.get().id)}
    for refused in (edit(as_doctor, entry, {"data": {"label": "x"}}), retract(as_doctor, entry)):
        assert (refused.status_code, refused.json()["code"]) == (409, "not_editable")
    (only,) = versions(as_doctor, entry)
    assert only["data"]["analysis"] == str(done.id)


def test_readers_read_and_do_not_write(
    api: Callable[..., APIClient], url: str, note: Answer, patient: Patient, other_doctor: User
) -> None:
    add_to_care_team(patient=patient, user=other_doctor, level=CareTeamMember.Level.READER)
    reader = api(other_doctor)
    assert reader.get(entry_url(note)).status_code == 200
    for refused in (
        reader.post(url, {"kind": "note", "data": {"text": "x"}}),
        edit(reader, note, {"data": {"text": "x"}}),
        retract(reader, note),
        reader.post(reverse("attachments", args=[patient.id]), format="multipart"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "read_only_access")
    assert HistoryVersion.objects.count() == 1


def test_every_change_is_in_the_feed(
    as_doctor: APIClient, note: Answer, patient: Patient, doctor: User
) -> None:
    edit(as_doctor, note, {"data": {"text": "Other."}})
    retract(as_doctor, note)
    told = Change.objects.filter(user=doctor, kind=Change.Kind.ENTRY, object_id=note["id"])
    assert list(told.order_by("id").values_list("action", flat=True)) == [
        "created",
        "updated",
        "updated",
    ]


def test_many_versions_come_in_pages(as_doctor: APIClient, note: Answer) -> None:
    for n in range(5):
        edit(as_doctor, note, {"data": {"text": f"{n}"}})
    seen, page = [], reverse("history-versions", args=[note["id"]]) + "?page_size=2"
    while page:
        answer = as_doctor.get(page).json()
        seen += [version["version"] for version in answer["results"]]
        page = answer["next"]
    assert seen == [6, 5, 4, 3, 2, 1]


def test_the_entry_is_younger_after_each_edit(as_doctor: APIClient, note: Answer) -> None:
    before = HistoryEntry.objects.get().updated_at
    edit(as_doctor, note, {"data": {"text": "Other."}})
    assert HistoryEntry.objects.get().updated_at - before > timedelta(0)
