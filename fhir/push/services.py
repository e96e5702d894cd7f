"""Reports on their way to other FHIR servers: which are due, and sending them.

What must be sent is read off the reports themselves, so that a message or a signal that is lost
loses nothing: the sweep finds what no push covers.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from audit.services import record
from backend.api.errors import Conflict
from dicom.deliveries import jobs
from fhir.models import Push, Subscriber
from fhir.push import client
from fhir.push.bundle import transaction_bundle
from fhir.resources import readings
from fhir.sources.readings import DONE, analyses, series_analyses
from patients.models import PatientIdentifier

TASK = "fhir.push"
MOST = 500
REVIEWED = Q(decision__isnull=False)
REPORTS: dict[str, tuple[Callable[[], QuerySet[Any]], str]] = {
    "analysis": (analyses, "scan__patient"),
    "series_analysis": (series_analyses, "series__study__patient"),
}


def push_missing() -> None:
    """Queue every report that a subscriber does not have yet as it is now."""
    for subscriber in Subscriber.objects.filter(active=True):
        for kind in REPORTS:
            for report in missing(subscriber, kind)[:MOST]:
                queue(subscriber, kind, report)


def missing(subscriber: Subscriber, kind: str) -> QuerySet[Any]:
    """Return the reports that are due: changed since the subscriber came, and not queued so."""
    rows, to_patient = REPORTS[kind]
    covered = Push.objects.filter(
        subscriber=subscriber, changed_at__gte=OuterRef("changed"), **{kind: OuterRef("pk")}
    )
    # What was sent before it was taken back is sent again, whoever wants preliminary ones.
    wanted = DONE if subscriber.preliminary else DONE & REVIEWED
    found = rows().filter(wanted, ~Exists(covered), changed__gte=subscriber.since)
    if subscriber.issuer:
        numbers = PatientIdentifier.objects.filter(issuer=subscriber.issuer)
        found = found.filter(**{f"{to_patient}__in": numbers.values("patient")})
    return found.annotate(patient_pk=F(f"{to_patient}_id")).order_by("changed")


@transaction.atomic
def queue(subscriber: Subscriber, kind: str, report: Any) -> None:
    """Have a report sent as it is now; whoever sends an older one no longer holds the row."""
    fresh: dict[str, Any] = {
        "patient_id": report.patient_pk,
        "changed_at": report.changed,
        "status": Push.Status.WAITING,
        "run_id": None,
        "attempts": 0,
        "error": "",
        "due_at": timezone.now(),
        "finished_at": None,
    }
    same = {"subscriber": subscriber, kind: report}
    older = Push.objects.filter(**same, changed_at__lt=report.changed)
    try:
        with transaction.atomic():
            push = Push.objects.get(**same) if older.update(**fresh) else None
            push = push or Push.objects.create(**same, **fresh)
    except IntegrityError:  # somebody else queued it just now
        return
    jobs.send(TASK, push)


def deliver(push: Push) -> None:
    """Send one report, whole. Sending it again is harmless: everything goes by PUT.

    Raises:
        Hopeless: it makes no sense to try again.
        Unreachable: it does.
    """
    subscriber = push.subscriber
    if not subscriber.active:
        raise jobs.Hopeless("This server is switched off.")
    kind = "analysis" if push.analysis_id else "series_analysis"
    rows, _ = REPORTS[kind]
    report = rows().get(pk=push.report.pk)
    if not is_theirs(subscriber, readings.found(report).patient_id):
        raise jobs.Hopeless("The patient has no number of theirs any more.")
    try:
        client.send(subscriber, transaction_bundle(report, subscriber))
    except client.Refused as refused:
        raise jobs.Hopeless(str(refused)) from refused
    record(
        user=None,
        action="fhir.push",
        patient_id=push.patient_id,
        subject=(kind, report.pk),
        details={"to": subscriber.name, "address": subscriber.base_url},
    )


def is_theirs(subscriber: Subscriber, patient_id: UUID) -> bool:
    """Whether the patient is one of those whose reports the subscriber gets, now."""
    numbers = PatientIdentifier.objects.filter(patient=patient_id, issuer=subscriber.issuer)
    return not subscriber.issuer or numbers.exists()


@transaction.atomic
def retry(*, push: Push) -> Push:
    """Send again what was given up, with all its attempts before it.

    Raises:
        Conflict: `not_retryable` unless it was given up.
    """
    changed = Push.objects.filter(pk=push.pk, status=Push.Status.FAILED).update(
        status=Push.Status.WAITING,
        attempts=0,
        error="",
        finished_at=None,
        due_at=timezone.now(),
    )
    push.refresh_from_db()
    if not changed:
        message = f"Only a push that was given up can be retried; this is {push.status}."
        raise Conflict("not_retryable", message)
    jobs.send(TASK, push)
    return push
