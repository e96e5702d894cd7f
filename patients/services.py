"""Everything that changes a patient's file."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from patients.models import CareTeamMember, HistoryEntry, Patient


@transaction.atomic
def create_patient(*, user: User, **fields: Any) -> Patient:
    """Open a file; whoever opens it is the first of the care team."""
    patient = Patient(created_by=user, **fields)
    patient.full_clean()
    patient.save()
    add_to_care_team(patient=patient, user=user)
    return patient


def update_patient(*, patient: Patient, **fields: Any) -> Patient:
    for name, value in fields.items():
        setattr(patient, name, value)
    patient.full_clean()
    patient.save()
    return patient


def add_to_care_team(*, patient: Patient, user: User) -> CareTeamMember:
    """Let `user` see the file; adding somebody again changes nothing."""
    member, _ = CareTeamMember.objects.get_or_create(patient=patient, user=user)
    return member


def record(
    *,
    patient: Patient,
    kind: HistoryEntry.Kind,
    subject_id: UUID,
    title: str,
    data: dict[str, Any],
    author: User | None,
    occurred_at: datetime,
) -> HistoryEntry:
    """Write an entry into the file; the same subject is written once, however often this runs."""
    entry, _ = HistoryEntry.objects.get_or_create(
        kind=kind,
        subject_id=subject_id,
        defaults={
            "patient": patient,
            "title": title,
            "data": data,
            "author": author,
            "occurred_at": occurred_at,
        },
    )
    return entry
