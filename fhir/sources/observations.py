"""Observations: what readings measure, vital signs, laboratory."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import (
    Exists,
    OuterRef,
    Q,
)

from fhir import codes
from fhir.elements import Json
from fhir.resources import observation, report
from fhir.resources.readings import found
from fhir.search.params import (
    choice,
)
from fhir.sources.common import Kind
from fhir.sources.entries import entry_source
from fhir.sources.readings import reading_source
from fhir.types import Part, Source
from inference.models import Review
from patients.models import HistoryEntry

LARGEST = 10**12


def size_part(name: str, reviews: Any) -> Part:
    size = observation.SIZES[name]
    # From both sides: what SQLite makes of null is above, what PostgreSQL does below all numbers.
    path = f"measurements__{size.field}"
    known = Q(**{f"{path}__gte": 0, f"{path}__lt": LARGEST})
    present = known
    if reviews is not None:
        present |= Q(Exists(reviews.filter(known, analysis=OuterRef("pk"), is_current=True)))
    return Part(
        lambda row, _: observation.size(row, name),
        name=name,
        tokens={"code": (size.code.pair,), "category": (observation.IMAGING.pair,)},
        present=present & ~Q(label=""),
        here=lambda row: f"{row.pk}.{name}" in report.results(found(row)),
    )


LABEL_PART = Part(
    lambda row, _: observation.label(row),
    name="label",
    tokens={"code": (codes.TUMOUR_CLASS.pair,), "category": (observation.IMAGING.pair,)},
    present=~Q(label=""),
    here=lambda row: bool(found(row).label),
)


def entry_part(
    name: str,
    build: Callable[[HistoryEntry], Json],
    code: codes.Code | None,
    category: codes.Code,
    field: str = "",
) -> Part:
    return Part(
        lambda row, _: build(row),
        name=name,
        tokens={"code": (code.pair,) if code else (), "category": (category.pair,)},
        present=Q(data__has_key=field) if field else None,
        here=lambda row: not field or field in row.data,
    )


VITAL_PARTS = (
    entry_part(
        "blood-pressure",
        observation.blood_pressure,
        codes.BLOOD_PRESSURE,
        observation.VITAL,
        "systolic_mmhg",
    ),
    *(
        entry_part(
            observation.vital_name(field),
            partial(observation.vital, field=field),
            code,
            observation.VITAL,
            field,
        )
        for field, (code, _) in codes.VITALS.items()
    ),
    *(
        entry_part(
            observation.vital_name(field),
            partial(observation.score, field=field),
            code,
            observation.SURVEY,
            field,
        )
        for field, code in codes.SCORES.items()
    ),
)
LABORATORY_PART = entry_part("value", observation.laboratory, None, observation.LABORATORY)


def _observation_sources() -> tuple[Source, ...]:
    status = "http://hl7.org/fhir/observation-status"
    of_slices, of_series = (
        (LABEL_PART, *(size_part(name, reviews) for name in observation.SIZES))
        for reviews in (Review.objects.all(), None)
    )
    entries = {
        "final": HistoryEntry.Status.CURRENT,
        "entered-in-error": HistoryEntry.Status.ENTERED_IN_ERROR,
    }
    return (
        reading_source(of_slices, {}, 0),
        reading_source(of_series, {}, 1),
        entry_source(Kind.VITALS, VITAL_PARTS, status=choice(status, "status", entries)),
        entry_source(Kind.LABORATORY, (LABORATORY_PART,), status=choice(status, "status", entries)),
    )


OBSERVATIONS = _observation_sources()
