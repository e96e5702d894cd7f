"""The admin site shows the audit and changes nothing of it."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import services
from audit.models import Event

EVENTS = reverse("admin:audit_event_changelist")


@pytest.fixture
def event(doctor: User) -> Event:
    services.record(user=doctor, action="patient.read", patient_id=uuid4(), why="team")
    return Event.objects.get()


def shown(answer: Any) -> list[Event]:
    """The events on a page, but for the look at it."""
    return list(answer.context["cl"].queryset.exclude(action="audit.read"))


def test_looking_at_it_there_is_written_down_too(
    admin_site: Client, admin: User, event: Event
) -> None:
    admin_site.get(EVENTS, {"q": "nobody"})
    admin_site.get(reverse("admin:audit_event_change", args=[event.pk]))

    looks = Event.objects.filter(action="audit.read", user_id=admin.pk).order_by("at")
    assert [look.details for look in looks] == [{"q": "nobody"}, {"event": str(event.pk)}]


def test_it_cannot_be_changed_there(admin_site: Client, event: Event) -> None:
    page = reverse("admin:audit_event_change", args=[event.pk])
    assert admin_site.get(page).status_code == 200
    assert admin_site.post(page, {"action": "nothing"}).status_code == 403
    delete = reverse("admin:audit_event_delete", args=[event.pk])
    assert admin_site.post(delete, {"post": "yes"}).status_code == 403
    assert admin_site.get(reverse("admin:audit_event_add")).status_code == 403
    assert b"delete_selected" not in admin_site.get(EVENTS).content
    assert Event.objects.get(pk=event.pk).action == "patient.read"


def test_emergencies_stand_out(admin_site: Client, event: Event) -> None:
    loud = b"Emergency access</strong>"
    assert loud not in admin_site.get(EVENTS).content
    services.record(user=None, action="patient.read", why="emergency")
    assert loud in admin_site.get(EVENTS).content


@pytest.mark.parametrize("by", ["user_label", "user_id", "patient_id"])
def test_searching_by_name_and_ids(admin_site: Client, event: Event, by: str) -> None:
    services.record(user=None, action="scan.delete")
    answer = admin_site.get(EVENTS, {"q": getattr(event, by)})
    assert shown(answer) == [event]


@pytest.mark.parametrize("by", ["user_id", "patient_id", "why__exact", "action"])
def test_filtering(admin_site: Client, event: Event, by: str) -> None:
    services.record(user=None, action="scan.delete")
    value = getattr(event, by.removesuffix("__exact"))
    answer = admin_site.get(EVENTS, {by: value})
    assert shown(answer) == [event]
