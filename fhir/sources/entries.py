"""Entries of the history."""

from collections.abc import Callable
from typing import Any

from django.db.models import (
    Q,
)

from fhir import codes
from fhir.elements import Json
from fhir.resources import history
from fhir.search.params import (
    NOTHING,
    Moment,
    Partial,
    Tokens,
    coded,
)
from fhir.search.values import Token
from fhir.sources.common import ANY, Kind, in_files, of_patient
from fhir.types import Part, Source
from patients.models import HistoryEntry


def entry_source(kind: Kind, parts: tuple[Part, ...], dated: str = "date", **params: Any) -> Source:
    """Entries of one kind; `dated` is what R4 calls the parameter for when it happened."""
    return Source(
        kind="entry",
        rows=lambda: HistoryEntry.objects.filter(kind=kind).select_related("author"),
        visible=in_files("patient"),
        patient_of=lambda row: row.patient_id,
        parts=parts,
        params={**of_patient("patient"), dated: Partial("occurred_at"), **params},
        sorts={dated: "occurred_at"},
        created="recorded_at",
        changed="updated_at",
    )


def entry_resource(
    kind: Kind, build: Callable[[HistoryEntry], Json], dated: str = "date", **params: Any
) -> Source:
    return entry_source(kind, (Part(lambda row, _: build(row)),), dated, **params)


CURRENT = Q(status=HistoryEntry.Status.CURRENT)
WRONG = Q(status=HistoryEntry.Status.ENTERED_IN_ERROR)


def statuses(system: str, codes_of: dict[str, Q], wrong: bool = True) -> Tokens:
    """A status that an entry has unless it was entered in error."""
    current = {code: q & CURRENT for code, q in codes_of.items()}
    return coded(system, current | ({"entered-in-error": WRONG} if wrong else {}))


def said(field: str, *values: str) -> dict[str, Q]:
    return {value.replace("_", "-"): Q(**{f"data__{field}": value}) for value in values}


def by_icd10(token: Token) -> Q:
    if token.system not in (None, codes.ICD10):
        return NOTHING
    return Q(data__code=token.code) if token.code else Q(data__has_key="code")


CONDITIONS = entry_resource(
    Kind.CONDITION,
    history.condition,
    "onset-date",
    **{
        "code": Tokens(by_icd10),
        "clinical-status": statuses(
            f"{codes.TERMS}/condition-clinical",
            said("clinical_status", "active", "recurrence", "remission", "resolved"),
            wrong=False,
        ),
        "verification-status": statuses(
            f"{codes.TERMS}/condition-ver-status",
            said(
                "verification",
                "unconfirmed",
                "provisional",
                "differential",
                "confirmed",
                "refuted",
            ),
        ),
        "recorded-date": Moment("recorded_at"),
        "category": coded(codes.PROBLEM.system, {codes.PROBLEM.code: ANY}),
    },
)
ALLERGIES = entry_resource(
    Kind.ALLERGY,
    history.allergy,
    "date",
    **{
        "criticality": coded(
            "http://hl7.org/fhir/allergy-intolerance-criticality",
            said("criticality", "low", "high", "unable_to_assess"),
        ),
        "clinical-status": coded(codes.ALLERGY_ACTIVE.system, {"active": CURRENT}),
        "date": Moment("recorded_at"),
    },
)
MEDICATIONS = entry_resource(
    Kind.MEDICATION,
    history.medication,
    "effective",
    status=statuses(
        "http://hl7.org/fhir/CodeSystem/medication-statement-status",
        said("status", "active", "on_hold", "stopped", "completed"),
    ),
)
PROCEDURES = entry_resource(
    Kind.PROCEDURE,
    history.procedure,
    status=statuses("http://hl7.org/fhir/event-status", {"completed": ANY}),
)
FAMILY = entry_resource(
    Kind.FAMILY_HISTORY,
    history.family,
    status=statuses("http://hl7.org/fhir/history-status", {"completed": ANY}),
)
