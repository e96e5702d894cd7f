"""A write and its event happen both, or neither."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from audit.models import Event
from inference.models import Analysis
from patients.models import Patient


def test_a_change_that_is_not_possible_leaves_no_event(
    as_doctor: APIClient, queued: Analysis
) -> None:
    address = reverse("analysis-retry", args=[queued.pk])
    assert as_doctor.post(address).status_code == 409
    assert not Event.objects.exists()


@pytest.fixture
def _no_audit(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no event can be written."""

    def broken(self: Event, **options: object) -> None:
        raise OSError

    monkeypatch.setattr(Event, "save", broken)


@pytest.mark.usefixtures("_no_audit")
def test_without_the_event_nothing_is_changed(as_doctor: APIClient) -> None:
    as_doctor.raise_request_exception = False
    answer = as_doctor.post(reverse("patients"), {"family_name": "Khoury"})
    assert answer.status_code == 500
    assert [patient.family_name for patient in Patient.objects.all()] == ["Haddad"]


@pytest.mark.usefixtures("_no_audit")
def test_without_the_event_nothing_is_shown(as_doctor: APIClient, patient: Patient) -> None:
    as_doctor.raise_request_exception = False
    answer = as_doctor.get(reverse("patient", args=[patient.pk]))
    assert answer.status_code == 500
    assert b"Haddad" not in answer.content
