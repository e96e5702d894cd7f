"""The admin site shows the history, and changes nothing in it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from patients.models import HistoryEntry
from tests.history.conftest import entry_url


@pytest.fixture
def page(note: Any) -> str:
    return reverse("admin:patients_historyentry_change", args=[note["id"]])


def test_an_entry_is_shown_with_its_data_and_its_versions(
    admin_site: Client, as_doctor: APIClient, note: Any, page: str
) -> None:
    body = {"data": {"text": "<b>Second</b> thought"}, "reason": "Asked again."}
    as_doctor.patch(entry_url(note), body, headers={"If-Match": "*"})
    shown = admin_site.get(page).content.decode()
    assert "&lt;b&gt;Second&lt;/b&gt; thought" in shown
    assert "Came with headaches." in shown
    assert "Asked again." in shown


def test_nothing_is_changed_there(admin_site: Client, note: Any, page: str) -> None:
    assert admin_site.post(page, {"title": "x"}).status_code == 403
    assert admin_site.get(reverse("admin:patients_historyentry_add")).status_code == 403
    assert HistoryEntry.objects.get().title == note["title"]


def test_all_kinds_can_be_listed_and_opened(
    admin_site: Client, write: Callable[..., Any], note: Any
) -> None:
    vitals = write("vitals", {"pulse_bpm": 72})
    listed = admin_site.get(reverse("admin:patients_historyentry_changelist")).content.decode()
    assert note["title"] in listed
    page = reverse("admin:patients_historyentry_change", args=[vitals["id"]])
    assert "Pulse bpm" in admin_site.get(page).content.decode()
