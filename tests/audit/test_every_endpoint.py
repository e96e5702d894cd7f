"""Every endpoint of tests/test_permissions.py leaves one event when it shows or changes a patient's
data, and one when somebody is refused it."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from accounts.models import User
from audit.models import Event, Why
from inference.models import Analysis
from tests.test_permissions import Endpoint

# What shows and changes nothing of patients. A new route is either here, or it is written down.
NOT_ABOUT_PATIENTS = {"me", "my-audit", "tumor-list", "tumor-detail"}
# These are about many patients, or one that is new: `details` names them.
ABOUT_MANY = {"patients"}


def test_the_right_doctor_leaves_one_event(
    ask: Any, endpoint: Endpoint, doctor: User, done: Analysis
) -> None:
    before = set(Event.objects.values_list("id", flat=True))
    with CaptureQueriesContext(connection) as queries:
        answer = ask(doctor)
    events = list(Event.objects.exclude(id__in=before))

    if endpoint.route in NOT_ABOUT_PATIENTS or answer.status_code == 404:
        assert not events or answer.status_code == 404
        return
    assert len(events) == 1
    assert asked_of_the_audit(queries) == ["INSERT"]
    (event,) = events
    assert (event.user_id, event.role, event.route) == (doctor.id, "doctor", endpoint.route)
    assert event.action not in {"", "refused"}
    if endpoint.route not in ABOUT_MANY:
        assert event.patient_id == done.scan.patient_id
        assert event.why == Why.TEAM


def test_whoever_is_refused_leaves_one_event(
    ask: Any, endpoint: Endpoint, doctor: User, other_doctor: User, student: User, done: Analysis
) -> None:
    refused = [
        user
        for user, status in ((other_doctor, endpoint.other), (student, endpoint.students))
        if status == 404 and endpoint.status != 404 and names_something(endpoint)
    ]
    before = set(Event.objects.values_list("id", flat=True))
    for user in refused:
        ask(user)

    events = Event.objects.exclude(id__in=before).order_by("at")
    assert [event.user_id for event in events] == [user.id for user in refused]
    for event in events:
        assert event.action == "refused"
        assert event.patient_id == done.scan.patient_id


def names_something(endpoint: Endpoint) -> bool:
    parameters = get_resolver().reverse_dict.getlist(endpoint.route)[0][0][0][1]
    return any(name.endswith("_id") for name in parameters)


def asked_of_the_audit(queries: CaptureQueriesContext) -> list[str]:
    """The statements that touch the audit's tables, each by its first word."""
    return [
        query["sql"].split()[0] for query in queries.captured_queries if "audit_" in query["sql"]
    ]
