"""Studies, series and instances as DICOMweb shows them, limited to what the caller may see.

Only DICOM objects are here: single pictures and NIfTI volumes are in no answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet

from accounts.models import User
from backend.api.errors import Conflict
from dicom.dicomweb.matching import Level, Query
from patients.access import patients_for
from patients.models import Patient
from scans.models import Instance, Series, Study

Row = TypeVar("Row", bound=Model)
_IS_DICOM = Q(format=Instance.Format.DICOM)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Part of what was found, and how many come after it."""

    rows: list[Row]
    remaining: int


@dataclass(frozen=True)
class Extent:
    """What a study has in it."""

    modalities: list[str]
    sop_classes: list[str]
    series: int
    instances: int


# --- Search ---------------------------------------------------------------------------------


def studies(user: User, query: Query) -> QuerySet[Study]:
    """Matching studies, the newest first, with their patients and these patients' numbers."""
    found = _visible(user, query).select_related("patient")
    return found.prefetch_related("patient__identifiers").order_by(
        F("started_at").desc(nulls_last=True), "-created_at", "id"
    )


def series(user: User, query: Query) -> QuerySet[Series]:
    """Matching series of matching studies, as their numbers have them."""
    found = _series(user, query).select_related("study__patient")
    return found.prefetch_related("study__patient__identifiers").order_by(
        "study_id", F("number").asc(nulls_last=True), "created_at", "id"
    )


def instances(user: User, query: Query) -> QuerySet[Instance]:
    """Matching instances of matching series."""
    found = Instance.objects.filter(_IS_DICOM, series__in=_series(user, query))
    found = found.filter(*_of(query, Level.INSTANCE)).select_related("series__study__patient")
    return found.prefetch_related("series__study__patient__identifiers").order_by(
        "series_id", F("number").asc(nulls_last=True), "uid"
    )


def page(rows: QuerySet[Row], query: Query) -> Page[Row]:
    """Fetch what is asked for; count the rest only if there is one."""
    end = query.offset + query.limit
    fetched = list(rows[query.offset : end + 1])
    remaining = len(fetched) - query.limit
    if remaining > 0:
        remaining = rows.count() - end
    return Page(fetched[: query.limit], max(0, remaining))


def extents(found: Iterable[Study]) -> dict[UUID, Extent]:
    """What is in each of these studies, in one query."""
    rows = (
        Instance.objects.filter(_IS_DICOM, series__study__in=[study.pk for study in found])
        .order_by()
        .values_list("series__study", "series", "series__modality", "sop_class_uid")
        .annotate(count=Count("pk"))
    )
    by_study: dict[UUID, list[tuple[UUID, str, str, int]]] = {}
    for study, *rest in rows:
        by_study.setdefault(study, []).append(tuple(rest))
    return {
        study: Extent(
            modalities=sorted({modality for _, modality, _, _ in within}),
            sop_classes=sorted({sop_class for _, _, sop_class, _ in within}),
            series=len({of for of, _, _, _ in within}),
            instances=sum(count for *_, count in within),
        )
        for study, within in by_study.items()
    }


def sizes(found: Iterable[Series]) -> dict[UUID, int]:
    """How many instances each of these series has, in one query."""
    within = Instance.objects.filter(_IS_DICOM, series__in=[row.pk for row in found])
    return dict(within.order_by().values_list("series").annotate(count=Count("pk")))


# --- Retrieve -------------------------------------------------------------------------------


def study_for(user: User, uid: str) -> Study:
    """Return one study; its `patient` says what the user may do, and why.

    Raises:
        Study.DoesNotExist: also when it exists but is not for this user.
        Conflict: `ambiguous_study` when it is in two files that the user may see. To show pictures
            of two patients as one study would be worse than to show none.
    """
    found = list(_visible(user, Query()).filter(uid=uid)[:2])
    if len(found) > 1:
        raise Conflict("ambiguous_study", "Two patients' files have a study of this UID.")
    if not found:
        raise Study.DoesNotExist
    found[0].patient = patients_for(user).get(pk=found[0].patient_id)
    return found[0]


def patient_of(uid: str) -> UUID | None:
    """Whose study this is, whoever asks: for the audit of those who are refused it."""
    return Study.objects.filter(uid=uid).values_list("patient_id", flat=True).first()


def instances_of(
    study: Study, series_uid: str | None = None, instance_uid: str | None = None
) -> list[Instance]:
    """All objects of a study, of one of its series, or this one; in their order.

    Raises:
        Instance.DoesNotExist: there is none.
    """
    found = Instance.objects.filter(_IS_DICOM, series__study=study)
    if series_uid is not None:
        found = found.filter(series__uid=series_uid)
    if instance_uid is not None:
        found = found.filter(uid=instance_uid)
    rows = list(
        found.select_related("series").order_by(
            F("series__number").asc(nulls_last=True),
            "series_id",
            F("number").asc(nulls_last=True),
            "uid",
        )
    )
    if not rows:
        raise Instance.DoesNotExist
    for row in rows:
        row.series.study = study
    return rows


def _visible(user: User, query: Query) -> QuerySet[Study]:
    objects = Instance.objects.filter(_IS_DICOM, series__study=OuterRef("pk"))
    files: QuerySet[Patient] = patients_for(user).order_by()
    found = Study.objects.filter(Exists(objects), patient__in=files.values("pk"))
    return found.filter(*_of(query, Level.STUDY))


def _series(user: User, query: Query) -> QuerySet[Series]:
    objects = Instance.objects.filter(_IS_DICOM, series=OuterRef("pk"))
    found = Series.objects.filter(Exists(objects), study__in=_visible(user, query).values("pk"))
    return found.filter(*_of(query, Level.SERIES))


def _of(query: Query, level: Level) -> list[Q]:
    return [condition for of, condition in query.conditions if of == level]
