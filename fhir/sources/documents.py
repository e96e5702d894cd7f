"""Where documents, events of the audit and people come from."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from audit.models import Event
from fhir import codes
from fhir.resources import document
from fhir.resources.audit_event import audit_event
from fhir.resources.device import device_id, practitioner
from fhir.search.params import NOTHING, Moment, Ref, Text, Tokens, coded
from fhir.sources.common import ANY, Kind, in_files, of_patient
from fhir.sources.entries import CURRENT, WRONG, entry_source
from fhir.sources.readings import DONE, READINGS
from fhir.types import Part, Source
from inference.models import Analysis, SeriesAnalysis
from patients.access import Level, patients_for
from patients.models import Patient

DOCUMENT_STATUS = "http://hl7.org/fhir/document-reference-status"


def document_sources() -> tuple[Source, ...]:
    attachments = entry_source(
        Kind.ATTACHMENT,
        (
            Part(
                lambda row, context: document.attachment(row, base=context.base),
                tokens={"type": ()},
            ),
        ),
        date=Moment("recorded_at"),
        status=coded(DOCUMENT_STATUS, {"current": CURRENT, "entered-in-error": WRONG}),
    )
    kind, rows, to_patient, _ = READINGS[0]
    printed = Source(
        kind=kind,
        rows=lambda: rows().filter(DONE),
        visible=in_files(to_patient),
        patient_of=lambda row: row.scan.patient_id,
        parts=(
            Part(
                lambda row, context: document.printed_report(row, base=context.base),
                tokens={"type": (codes.IMAGING_STUDY.pair,)},
            ),
        ),
        params={
            **of_patient(to_patient),
            "date": Moment("changed"),
            "status": coded(
                DOCUMENT_STATUS,
                {
                    "current": Q(decision=None) | ~Q(decision="rejected"),
                    "entered-in-error": Q(decision="rejected"),
                },
            ),
        },
    )
    return attachments, printed


def events_for(user: User) -> Q:
    """Admins see all of the audit; who keeps a file sees what was done in it."""
    if user.is_admin:
        return ANY
    files: QuerySet[Any] = patients_for(user)  # with annotations that its type does not name
    owned = files.filter(access_level__gte=Level.OWNER).order_by().values("pk")
    absorbed = Patient.objects.filter(merged_into__in=owned).values("pk")
    return Q(patient_id__in=owned) | Q(patient_id__in=absorbed)


EVENTS = Source(
    kind="event",
    rows=lambda: Event.objects.all(),
    visible=events_for,
    patient_of=lambda row: row.patient_id,
    parts=(
        Part(
            lambda row, context: audit_event(
                row, whole=context.user is not None and context.user.is_admin
            )
        ),
    ),
    params={
        "patient": Ref("Patient", "patient_id"),
        "agent": Ref("Practitioner", "user_id"),
        "date": Moment("at"),
        "subtype": Tokens(
            lambda token: (
                NOTHING if token.system not in (None, codes.OURS) else Q(action=token.code)
            )
        ),
    },
    sorts={"date": "at"},
    created="at",
    changed="at",
)

PRACTITIONERS = Source(
    kind="user",
    rows=lambda: User.objects.filter(role__in=[User.Role.DOCTOR, User.Role.ADMIN]),
    visible=lambda user: ANY,
    patient_of=lambda row: None,
    parts=(Part(lambda row, _: practitioner(row)),),
    params={
        "family": Text(("last_name",)),
        "given": Text(("first_name",)),
        "name": Text(("first_name", "last_name")),
    },
    created="date_joined",
    changed="date_joined",
)


def release_of(device: str) -> str | None:
    """The release that a Device's id stands for: one that something here was read with."""
    names: set[str] = set()
    for model in (Analysis, SeriesAnalysis):
        names |= set(model.objects.order_by().values_list("release", flat=True).distinct())
    return next((name for name in sorted(names) if name and device_id(name) == device), None)
