"""Everything that reads studies, series and instances, limited to what the caller may see.

A study or series in which only single pictures stand (`Scan`) is in none of these.
"""

from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from patients.access import Level, patient_for, patients_for
from patients.models import Patient
from scans.models import Instance, Series, Study


def studies_for(user: User) -> QuerySet[Study]:
    """Studies of the patients whose file the user may see."""
    visible = patients_for(user).order_by()
    return Study.objects.filter(
        Exists(Series.objects.filter(study=OuterRef("pk"), received_at__isnull=False)),
        patient__in=visible,
    )


def all_series_for(user: User) -> QuerySet[Series]:
    visible = patients_for(user).order_by()
    series = Series.objects.filter(study__patient__in=visible, received_at__isnull=False)
    return series.select_related("study")


def instances_for(user: User) -> QuerySet[Instance]:
    visible = patients_for(user).order_by()
    instances = Instance.objects.filter(series__study__patient__in=visible)
    return instances.select_related("series__study")


def counted(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Fetch the series of all these studies at once, as `Study.shown_series`."""
    shown = with_counts(Series.objects.filter(received_at__isnull=False)).select_related("study")
    return studies.prefetch_related(
        Prefetch("series", shown.order_by("number", "created_at"), to_attr="shown_series")
    )


def with_counts(series: QuerySet[Series]) -> QuerySet[Series]:
    """Fetch with each series how many instances it has, and how many frames they have."""
    instances = Instance.objects.filter(series=OuterRef("pk")).order_by().values("series")
    counts = instances.annotate(count=Count("pk"), frames=Sum("frames"))
    return series.annotate(
        instance_count=Coalesce(Subquery(counts.values("count")), 0),
        frame_count=Coalesce(Subquery(counts.values("frames")), 0),
    )


def instances_of(series: Series) -> QuerySet[Instance]:
    """The instances of a series that the caller may see."""
    return Instance.objects.filter(series=series)


def study_for(user: User, study_id: UUID, *, level: int = Level.READER) -> Study:
    """Return one study; its `patient` says what the user may do, and why.

    Args:
        level: What the user must be allowed to do.

    Raises:
        Study.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    study = counted(Study.objects.all()).get(pk=study_id)
    try:
        return _opened(user, study, level)
    except Patient.DoesNotExist as hidden:
        raise Study.DoesNotExist from hidden


def series_for(
    user: User, series_id: UUID, *, level: int = Level.READER, lock: bool = False
) -> Series:
    """Return one series with its counts; its `study.patient` says what the user may do, and why.

    Args:
        level: What the user must be allowed to do.
        lock: Hold the row until the transaction ends.

    Raises:
        Series.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    found = with_counts(Series.objects.filter(received_at__isnull=False)).select_related("study")
    if lock:
        found = found.select_for_update(of=("self",))
    series = found.get(pk=series_id)
    try:
        _opened(user, series.study, level)
    except Patient.DoesNotExist as hidden:
        raise Series.DoesNotExist from hidden
    return series


def instance_for(user: User, instance_id: UUID, *, level: int = Level.READER) -> Instance:
    """Return one instance; its `series.study.patient` says what the user may do, and why.

    Arguments and errors as `study_for`'s, with Instance.
    """
    instance = Instance.objects.select_related("series__study").get(pk=instance_id)
    try:
        _opened(user, instance.series.study, level)
    except Patient.DoesNotExist as hidden:
        raise Instance.DoesNotExist from hidden
    return instance


def _opened(user: User, study: Study, level: int) -> Study:
    study.patient = patient_for(user, study.patient_id, level=level)
    return study
