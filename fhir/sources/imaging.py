"""Imaging studies."""

from typing import Any

from django.db.models import (
    DateTimeField,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Greatest

from fhir import codes
from fhir.resources.imaging_study import imaging_study
from fhir.search.params import (
    NOTHING,
    Moment,
    Tokens,
    coded,
)
from fhir.search.values import Token
from fhir.sources.common import ANY, in_files, of_patient
from fhir.types import Part, Source
from scans.models import Instance, Series, Study


def studies() -> QuerySet[Study]:
    series = Series.objects.filter(study=OuterRef("pk"))
    named = ("id", "series_id", "uid", "sop_class_uid", "number")
    return Study.objects.annotate(
        changed=Greatest(
            "created_at",
            newest(series, "created_at"),
            newest(series.filter(received_at__isnull=False), "received_at"),
        )
    ).prefetch_related(
        Prefetch("series", Series.objects.order_by("number", "uid")),
        Prefetch("series__instances", Instance.objects.only(*named)),
        "series__scans",
    )


def newest(rows: QuerySet[Any], field: str, other: str = "created_at") -> Coalesce:
    """The latest moment among the rows of a subquery; where there are none, another of the row."""
    latest = Subquery(rows.order_by(F(field).desc()).values(field)[:1])
    return Coalesce(latest, F(other), output_field=DateTimeField())


def by_study_identifier(token: Token) -> Q:
    value = (token.code or "").removeprefix("urn:oid:")
    if token.system == codes.DICOM_UID:
        return Q(uid=value)
    return NOTHING if token.system else Q(uid=value) | Q(accession_number=value)


def by_modality(token: Token) -> Q:
    if token.system not in (None, codes.DICOM):
        return NOTHING
    return Q(pk__in=Series.objects.filter(modality=token.code or "").values("study"))


STUDIES = Source(
    kind="study",
    rows=studies,
    visible=in_files("patient"),
    patient_of=lambda row: row.patient_id,
    parts=(Part(lambda row, context: imaging_study(row, dicomweb=context.dicomweb)),),
    params={
        **of_patient("patient"),
        "identifier": Tokens(by_study_identifier),
        "started": Moment("started_at"),
        "modality": Tokens(by_modality),
        "status": coded("http://hl7.org/fhir/imagingstudy-status", {"available": ANY}),
    },
)
