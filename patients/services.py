"""Everything that changes a patient's file."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from patients import changes
from patients.changes import Action
from patients.models import CareTeamMember, Change, HistoryEntry, Patient


@transaction.atomic
def create_patient(*, user: User, **fields: Any) -> Patient:
    """Open a file; whoever opens it owns it."""
    patient = Patient(created_by=user, **fields)
    patient.full_clean()
    patient.save()
    add_to_care_team(patient=patient, user=user, level=CareTeamMember.Level.OWNER)
    return patient


@transaction.atomic
def update_patient(*, patient: Patient, **fields: Any) -> Patient:
    for name, value in fields.items():
        setattr(patient, name, value)
    patient.full_clean()
    patient.save()
    changes.publish(
        patient_id=patient.id,
        kind=Change.Kind.PATIENT,
        object_id=patient.id,
        action=Action.UPDATED,
    )
    return patient


@transaction.atomic
def add_to_care_team(
    *, patient: Patient, user: User, level: int = CareTeamMember.Level.WRITER
) -> CareTeamMember:
    """Let `user` into the file; adding somebody again changes nothing."""
    member, added = CareTeamMember.objects.get_or_create(
        patient=patient, user=user, defaults={"level": level}
    )
    if added:
        changes.grant(patient_id=patient.id, user=user)
    return member


@transaction.atomic
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
    entry, written = HistoryEntry.objects.get_or_create(
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
    if written:
        changes.publish(
            patient_id=patient.id,
            kind=Change.Kind.ENTRY,
            object_id=entry.id,
            action=Action.CREATED,
        )
    return entry
