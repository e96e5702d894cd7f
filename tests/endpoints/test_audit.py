"""Every endpoint leaves one event when it shows or changes a patient's
data, and one when somebody is refused it."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from accounts.models import User
from audit.models import Event
from inference.models import Analysis
from tests.endpoints.table import Endpoint

# These lie below the patients and know nothing of them.
APPS_WITHOUT_PATIENTS = ("accounts.", "tumors.")
# Any other route is either here, because nothing of a patient is in it, or it is written down.
NOT_ABOUT_PATIENTS = {
    "releases",
    "icd10",
    "my-audit",
    "colleagues",
    # These say that something changed or was done, by ids: what it is must be opened.
    "changes",
    "events",
    "notices",
    "notice-read",
    # Other systems; a search that reaches one is written down (tests/dicom/test_peers.py).
    "peers",
    "peer",
    "peer-echo",
    "peer-studies",
}
READS_THE_AUDIT = {"audit", "patient-audit"}


def test_one_event_for_each_access_and_each_refusal(
    ask: Any,
    endpoint: Endpoint,
    doctor: User,
    other_doctor: User,
    student: User,
    admin: User,
    done: Analysis,
) -> None:
    if endpoint.route in NOT_ABOUT_PATIENTS or module_of(endpoint).startswith(
        APPS_WITHOUT_PATIENTS
    ):
        _, events, _ = observe(ask, doctor)
        assert not events
        return

    for user in refused(endpoint, other_doctor, student):
        _, (event,), _ = observe(ask, user)
        assert (event.action, event.patient_id) == ("refused", done.scan.patient_id)

    caller = admin if endpoint.status == 404 else doctor
    answer, events, statements = observe(ask, caller)
    if answer.status_code >= 400:
        assert len(events) <= 1
        return
    (event,) = events
    assert (event.user_id, event.role, event.route) == (caller.id, caller.role, endpoint.route)
    assert event.action not in {"", "refused"}
    if names_something(endpoint):  # others are about many patients, or a new one
        assert event.patient_id == done.scan.patient_id
        assert event.why == ("admin" if caller == admin else "team")
    if endpoint.route not in READS_THE_AUDIT:
        assert statements == ["INSERT"]


def names_something(endpoint: Endpoint) -> bool:
    """Whether the route has the id of a thing in it."""
    parameters = get_resolver().reverse_dict.getlist(endpoint.route)[0][0][0][1]
    return any(name.endswith("_id") for name in parameters)


def module_of(endpoint: Endpoint) -> str:
    """Where the view of a route stands."""
    waiting: list[Any] = [get_resolver()]
    while waiting:
        entry = waiting.pop()
        waiting += getattr(entry, "url_patterns", [])
        if getattr(entry, "name", None) == endpoint.route:
            return str(entry.callback.__module__)
    raise LookupError(endpoint.route)


def refused(endpoint: Endpoint, *users: User) -> list[User]:
    """Who of a doctor of other patients and a student is refused a patient's thing by its id."""
    if endpoint.status == 404 or not names_something(endpoint):
        return []
    statuses = (endpoint.other, endpoint.students)
    return [user for user, status in zip(users, statuses, strict=True) if status == 404]


def observe(ask: Any, user: User) -> tuple[Any, list[Event], list[str]]:
    """Ask as somebody: the answer, the events that it left, and the statements that reached the
    audit's tables, each by its first word."""
    before = set(Event.objects.values_list("id", flat=True))
    with CaptureQueriesContext(connection) as queries:
        answer = ask(user)
    statements = [q["sql"].split()[0] for q in queries.captured_queries if "audit_" in q["sql"]]
    return answer, list(Event.objects.exclude(id__in=before)), statements
