"""Files that have been kept long enough: listed, and erased when that is asked for."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from inference.models import Analysis
from patients.models import Patient
from patients.services import create_patient
from reports.models import LegalHold
from scans.models import Scan

LONG_AGO = timezone.now() - timedelta(days=365 * 11)


@pytest.fixture(autouse=True)
def _ten_years(settings: Any) -> None:
    settings.RETENTION_YEARS = 10


@pytest.fixture
def old(reading: Analysis, rana: Patient, doctor: User) -> Patient:
    """A file in which nothing was written for eleven years, beside one of today."""
    create_patient(user=doctor, family_name="Khoury")
    Patient.objects.filter(pk=rana.pk).update(updated_at=LONG_AGO)
    Scan.objects.update(created_at=LONG_AGO)
    rana.history.update(recorded_at=LONG_AGO)
    return rana


def run(**options: bool) -> str:
    out = StringIO()
    call_command("apply_retention", stdout=out, **options)
    return out.getvalue()


def test_lists_only_unless_told(old: Patient) -> None:
    assert run().split() == [
        str(old.pk),
        "last",
        "written",
        f"{LONG_AGO:%Y-%m-%d}",
        "would",
        "be",
        "erased",
    ]
    assert Patient.objects.count() == 2


def test_erases_and_says_why(old: Patient) -> None:
    assert "erased" in run(apply=True)
    assert not Patient.objects.filter(pk=old.pk).exists()
    assert Patient.objects.count() == 1
    event = Event.objects.get(action="patient.erased")
    assert event.details["reason"] == "Nothing was written for 10 years."


def test_recent_scan_keeps_the_file(old: Patient) -> None:
    Scan.objects.update(created_at=timezone.now())
    assert run(apply=True) == ""
    assert Patient.objects.count() == 2


def test_legal_hold_keeps_the_file(old: Patient) -> None:
    LegalHold.objects.create(patient=old, reason="Case 12")
    assert "kept: legal hold" in run(apply=True)
    assert Patient.objects.count() == 2


def test_is_off_unless_set(settings: Any, old: Patient) -> None:
    settings.RETENTION_YEARS = 0
    with pytest.raises(CommandError, match="RETENTION_YEARS"):
        run(apply=True)
    assert Patient.objects.count() == 2
