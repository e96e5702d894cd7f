"""Readings of slices and of series, and the reports made of them."""

from collections.abc import Callable
from typing import Any

from django.db.models import (
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Greatest

from fhir import codes
from fhir.resources import report
from fhir.resources.readings import found
from fhir.search.params import (
    Moment,
    Ref,
    Tokens,
    coded,
)
from fhir.search.values import Token
from fhir.sources.common import in_files, of_patient
from fhir.types import Part, Source
from inference.models import Analysis, Review, Run, SeriesAnalysis, SeriesReview


def analyses() -> QuerySet[Analysis]:
    current = Review.objects.filter(is_current=True)
    decided = current.filter(analysis=OuterRef("pk"))
    reviews = current.select_related("reviewer").defer("polygons")
    return (
        Analysis.objects.select_related("scan__series__study")
        .prefetch_related(Prefetch("reviews", reviews, to_attr="current"))
        .annotate(**standing(decided), taken=Coalesce("scan__acquired_at", "scan__created_at"))
    )


def series_analyses() -> QuerySet[SeriesAnalysis]:
    decided = SeriesReview.objects.filter(analysis=OuterRef("pk")).order_by("-version")
    reviews = SeriesReview.objects.select_related("reviewer")
    return (
        SeriesAnalysis.objects.select_related("series__study")
        .defer("slices")
        .prefetch_related(Prefetch("reviews", reviews, to_attr="current"))
        .annotate(
            **standing(decided), taken=Coalesce("series__started_at", "series__study__started_at")
        )
    )


def standing(decided: QuerySet[Any]) -> dict[str, Any]:
    """What doctors decided, and when the reading last changed."""
    when = Coalesce(Subquery(decided.values("created_at")[:1]), "created_at")
    return {
        "decision": Subquery(decided.values("decision")[:1]),
        "changed": Greatest(Coalesce("finished_at", "created_at"), when),
    }


DONE = Q(status=Run.Status.DONE)
STATUSES = {
    "registered": Q(status__in=Run.ACTIVE),
    "cancelled": Q(status__in=[Run.Status.REJECTED, Run.Status.FAILED, Run.Status.CANCELLED]),
    "preliminary": DONE & Q(decision=None),
    "final": DONE & Q(decision__in=["signed", "confirmed"]),
    "corrected": DONE & Q(decision="corrected"),
    "entered-in-error": DONE & Q(decision="rejected"),
}
READINGS: tuple[tuple[str, Callable[[], QuerySet[Any]], str, str], ...] = (
    ("analysis", analyses, "scan__patient", "scan__series__study"),
    ("series_analysis", series_analyses, "series__study__patient", "series__study"),
)


def by_conclusion(token: Token) -> Q:
    labels = [
        label
        for label, code in codes.LABELS.items()
        if token.system in (None, code.system) and token.code in (None, code.code)
    ]
    return Q(label__in=labels)


def reading_source(parts: tuple[Part, ...], params: dict[str, Any], which: int) -> Source:
    kind, rows, to_patient, to_study = READINGS[which]
    return Source(
        kind=kind,
        rows=rows,
        visible=in_files(to_patient),
        patient_of=lambda row: found(row).patient_id,
        parts=parts,
        params={
            **of_patient(to_patient),
            "date": Moment("taken"),
            "status": coded("http://hl7.org/fhir/diagnostic-report-status", STATUSES),
            **{name: make(to_study) for name, make in params.items()},
        },
        sorts={"date": "created_at"},
    )


def _report_sources() -> tuple[Source, ...]:
    part = Part(
        lambda row, context: report.report(row, base=context.base),
        tokens={
            "code": (codes.BRAIN_MRI.pair,),
            "category": (codes.RADIOLOGY.pair,),
        },
    )
    params = {
        "imaging-study": lambda path: Ref("ImagingStudy", path),
        "issued": lambda _: Moment("changed"),
        "conclusion": lambda _: Tokens(by_conclusion),
    }
    return tuple(reading_source((part,), params, which) for which in (0, 1))


REPORTS = _report_sources()
