"""Where the rows of each type of resources come from, and how they are searched."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import (
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Greatest

from accounts.models import User
from fhir import codes
from fhir.elements import Json
from fhir.resources import history, observation, report
from fhir.resources.imaging_study import imaging_study
from fhir.resources.patient import issuers_of, patient
from fhir.resources.readings import found
from fhir.search.params import (
    NOTHING,
    Day,
    Moment,
    Partial,
    Ref,
    Text,
    Tokens,
    choice,
    coded,
)
from fhir.search.values import Token
from fhir.types import Part, Source
from inference.models import Analysis, Review, Run, SeriesAnalysis, SeriesReview
from patients.access import patients_for
from patients.models import HistoryEntry, Patient, PatientIdentifier
from patients.models.patient import identifier_key
from scans.models import Instance, Series, Study

Kind = HistoryEntry.Kind
GENDER = "http://hl7.org/fhir/administrative-gender"
ANY = ~NOTHING
LARGEST = 10**12


def in_files(path: str) -> Callable[[User], Q]:
    """Rows of the patients whose file somebody may see."""
    return lambda user: Q(**{f"{path}__in": patients_for(user).order_by().values("pk")})


def of_patient(path: str) -> dict[str, Ref]:
    return {name: Ref("Patient", path) for name in ("patient", "subject")}


# --- Patients -------------------------------------------------------------------------------


def by_identifier(token: Token) -> Q:
    """A system and a value find by the key that is unique; a value alone by what it is."""
    found = PatientIdentifier.objects.all()
    if token.system == "":
        return NOTHING
    if token.system is not None:
        issuers = issuers_of(token.system)
        if token.code is None:
            found = found.filter(issuer__in=issuers)
        else:
            found = found.filter(key__in=[identifier_key(i, token.code) for i in issuers])
    else:
        found = found.filter(value__iexact=token.code)
    return Q(pk__in=found.values("patient"))


NAMES = ("family_name", "given_name", "family_name_arabic", "given_name_arabic")
PATIENTS = Source(
    kind="patient",
    rows=lambda: Patient.objects.filter(merged_into=None).prefetch_related(
        "identifiers", "absorbed"
    ),
    visible=in_files("pk"),
    patient_of=lambda row: row.pk,
    parts=(Part(lambda row, _: patient(row)),),
    params={
        "identifier": Tokens(by_identifier),
        "name": Text(NAMES, words=True),
        "family": Text(("family_name", "family_name_arabic")),
        "given": Text(("given_name", "given_name_arabic")),
        "birthdate": Day("birth_date"),
        "gender": choice(GENDER, "sex", {value: value for value in Patient.Sex.values}),
        "phone": Tokens(lambda token: Q(phone=token.code)),
        "email": Tokens(lambda token: Q(email__iexact=token.code)),
        "active": coded("", {"true": ANY}),
    },
    sorts={"family": "family_name"},
    changed="updated_at",
)

# --- Images ---------------------------------------------------------------------------------


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

# --- Readings -------------------------------------------------------------------------------


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


# --- Observations ---------------------------------------------------------------------------


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


# --- Histories ------------------------------------------------------------------------------


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


OBSERVATIONS = _observation_sources()


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
