"""Asking a colleague, answering, declining, withdrawing, running out."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record as audit
from backend.api.errors import ApiError, Conflict
from patients import changes
from patients.history.services import record
from patients.models import CareTeamMember, Change, HistoryEntry
from patients.team.notices import Kind, called, tell
from scans.models import Scan
from scans.opinions.models import Opinion

Status = Opinion.Status


@transaction.atomic
def ask(
    *,
    scan: Scan,
    by: User,
    colleague: User,
    question: str,
    entries: Collection[UUID] = (),
    show_name: bool = False,
) -> Opinion:
    """Ask a doctor about a scan, and show them what they need for it for `OPINION_DAYS`.

    Args:
        entries: Ids of entries of the patient's history that the colleague is to read.

    Raises:
        ApiError: `same_person`; `unknown_entry` when one is not in this patient's history.
        Conflict: `already_asked` while the same question is open.
    """
    if colleague == by:
        raise ApiError("same_person", "Ask somebody else.", field="colleague")
    chosen = HistoryEntry.objects.filter(patient=scan.patient_id, pk__in=entries)
    if len(chosen) != len(set(entries)):
        raise ApiError("unknown_entry", "Not an entry of this patient's history.", field="entries")
    for overdue in Opinion.objects.overdue().filter(scan=scan, colleague=colleague):
        expire(overdue)
    try:
        with transaction.atomic():
            opinion = Opinion.objects.create(
                scan=scan,
                asked_by=by,
                colleague=colleague,
                question=question,
                show_name=show_name,
                expires_at=timezone.now() + timedelta(days=settings.OPINION_DAYS),
            )
    except IntegrityError as asked:
        raise Conflict("already_asked", "This colleague has been asked about it.") from asked
    opinion.entries.set(chosen)
    publish(opinion, changes.Action.CREATED)
    inform(opinion, colleague, f"{called(by)} asks for your opinion about a scan.")
    return opinion


@transaction.atomic
def answer(*, opinion: Opinion, comment: str) -> Opinion:
    """Write the colleague's opinion into the patient's history.

    Raises:
        Conflict: `opinion_closed`.
    """
    opinion = close(opinion, Status.ANSWERED, comment)
    record(
        patient=opinion.scan.patient,
        kind=HistoryEntry.Kind.OPINION,
        subject_id=opinion.id,
        title=f"Second opinion of {called(opinion.colleague)}"[:200],
        data={
            "opinion": str(opinion.id),
            "scan": str(opinion.scan_id),
            "question": opinion.question,
            "answer": comment,
        },
        author=opinion.colleague,
        occurred_at=opinion.closed_at or timezone.now(),
    )
    inform(opinion, opinion.asked_by, f"{called(opinion.colleague)} answered your question.")
    return opinion


@transaction.atomic
def decline(*, opinion: Opinion, reason: str) -> Opinion:
    """Not answer, and say why.

    Raises:
        Conflict: `opinion_closed`.
    """
    opinion = close(opinion, Status.DECLINED, reason)
    inform(opinion, opinion.asked_by, f"{called(opinion.colleague)} declined your question.")
    return opinion


@transaction.atomic
def withdraw(*, opinion: Opinion, by: User) -> Opinion:
    """Take the question back: the colleague sees the scan no longer.

    Raises:
        Conflict: `opinion_closed`.
    """
    opinion = close(opinion, Status.WITHDRAWN)
    inform(opinion, opinion.colleague, f"{called(by)} withdrew a question about a scan.")
    return opinion


def end_overdue() -> None:
    """Close every question that was not answered in time. Safe to run anywhere, often."""
    for opinion in Opinion.objects.overdue().order_by("expires_at")[:1000]:
        expire(opinion)


@transaction.atomic
def expire(opinion: Opinion) -> None:
    """Close one, if nobody did meanwhile."""
    overdue = Opinion.objects.overdue().filter(pk=opinion.pk)
    if not overdue.update(status=Status.EXPIRED, closed_at=timezone.now()):
        return
    opinion.refresh_from_db()
    audit(
        user=None,
        action="opinion.expire",
        patient_id=opinion.scan.patient_id,
        subject=("opinion", opinion.pk),
    )
    tell_closed(opinion)
    inform(opinion, opinion.asked_by, f"{called(opinion.colleague)} did not answer in time.")


def close(opinion: Opinion, status: Opinion.Status, text: str = "") -> Opinion:
    """Close an open question; of two who do at once, the second is too late.

    Raises:
        Conflict: `opinion_closed`.
    """
    still_open = Opinion.objects.open().filter(pk=opinion.pk)
    if not still_open.update(status=status, answer=text, closed_at=timezone.now()):
        raise Conflict("opinion_closed", "This question is closed.")
    opinion.refresh_from_db()
    tell_closed(opinion)
    return opinion


def tell_closed(opinion: Opinion) -> None:
    """Tell the feeds; a colleague who saw the scan only for this sees it no more."""
    publish(opinion, changes.Action.UPDATED)
    if opinion.colleague_id and opinion.colleague_id not in team(opinion):
        changes.publish(
            patient_id=opinion.scan.patient_id,
            kind=Change.Kind.SCAN,
            object_id=opinion.scan_id,
            action=changes.Action.DELETED,
            to=[opinion.colleague_id],
        )


def publish(opinion: Opinion, action: Change.Action) -> None:
    """Tell the care team and the colleague."""
    colleague = {opinion.colleague_id} if opinion.colleague_id else set()
    changes.publish(
        patient_id=opinion.scan.patient_id,
        kind=Change.Kind.OPINION,
        object_id=opinion.id,
        action=action,
        to=team(opinion) | colleague,
    )


def team(opinion: Opinion) -> set[UUID]:
    members = CareTeamMember.objects.filter(patient=opinion.scan.patient_id).current()
    return set(members.values_list("user_id", flat=True))


def inform(opinion: Opinion, user: User | None, text: str) -> None:
    """Leave a notice to the one on the other side."""
    if user is not None:
        tell(
            [user],
            Kind.OPINION,
            text,
            patient_id=opinion.scan.patient_id,
            object_id=opinion.id,
        )
