"""Erasing a patient's file for good, and finding the files that have been kept long enough."""

import shutil
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from accounts.models import User
from audit.services import record
from backend.api.errors import Conflict
from backend.idempotency.models import StoredAnswer
from patients import changes
from patients.models import CareTeamMember, Change, Notice, Patient
from patients.selectors import ids_of_file
from reports.models import LegalHold

DAYS_PER_YEAR = 365.25


@transaction.atomic
def erase(*, patient_id: UUID, user: User | None, reason: str) -> dict[str, int]:
    """Erase everything of a patient: rows, versions, files, archives, stored answers.

    Members are told that the file is gone. What stays are the audit's events and emergency
    accesses, which hold the patient's id and no name.

    Args:
        user: The admin who wants it; None where a rule does.

    Returns:
        How many rows of each model went.

    Raises:
        Patient.DoesNotExist
        Conflict: `legal_hold`.
    """
    patient = Patient.objects.select_for_update(of=("self",)).get(pk=patient_id)
    family = ids_of_file(patient)
    told = told_of(family)
    try:
        _, rows = patient.delete()
    except ProtectedError as held:
        raise Conflict("legal_hold", "This file is under legal hold and must be kept.") from held
    for gone in family:
        for user_id in told:
            changes.withdraw(patient_id=gone, user_id=user_id)
        transaction.on_commit(partial(remove_folder, gone))
    Notice.objects.filter(patient_id__in=family).delete()
    forget_answers(family, told)
    details = {"reason": reason, "rows": rows, "absorbed": [str(gone) for gone in family[1:]]}
    record(user=user, action="patient.erased", patient_id=patient_id, details=details)
    return rows


def told_of(family: list[UUID]) -> set[UUID]:
    """Everyone who has, or lately had, a copy of the file."""
    members = CareTeamMember.objects.filter(patient__in=family)
    readers = Change.objects.filter(patient_id__in=family)
    return {*members.values_list("user_id", flat=True), *readers.values_list("user_id", flat=True)}


def forget_answers(family: list[UUID], told: set[UUID]) -> None:
    """Forget answers kept for repeated requests: all that name the patient, or went to members."""
    needles = [str(gone).encode() for gone in family]
    kept = StoredAnswer.objects.filter(status__isnull=False)
    names_patient = [
        pk
        for pk, body in kept.exclude(user__in=told).values_list("pk", "body").iterator()
        if any(needle in bytes(body or b"") for needle in needles)
    ]
    kept.filter(user__in=told).delete()
    kept.filter(pk__in=names_patient).delete()


def remove_folder(patient_id: UUID) -> None:
    """Remove whatever no row named: each row removes its own files."""
    shutil.rmtree(Path(default_storage.path(f"patients/{patient_id}")), ignore_errors=True)


def kept_long_enough() -> QuerySet[Patient]:
    """Files in which nothing was written for RETENTION_YEARS, the oldest first; none if 0."""
    if not settings.RETENTION_YEARS:
        return Patient.objects.none()
    since = retention_begins()
    return (
        Patient.objects.filter(updated_at__lt=since, merged_into=None)
        .exclude(scans__created_at__gte=since)
        .exclude(studies__series__instances__created_at__gte=since)
        .exclude(history__recorded_at__gte=since)
        .order_by("updated_at")
    )


def retention_begins() -> datetime:
    return timezone.now() - timedelta(days=settings.RETENTION_YEARS * DAYS_PER_YEAR)


def is_held(patient: Patient) -> bool:
    return LegalHold.objects.filter(patient__in=ids_of_file(patient)).exists()
