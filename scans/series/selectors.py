"""Everything that reads studies, series and instances, limited to what the caller may see.

A study or series in which only single pictures stand (`Scan`) is in none of these.
"""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

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


def study_for(user: User, study_id: UUID, *, level: int = Level.READER) -> Study:
    """Return one study; its `patient` says what the user may do, and why.

    Args:
        level: What the user must be allowed to do.

    Raises:
        Study.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    study = Study.objects.get(pk=study_id)
    try:
        return _opened(user, study, level)
    except Patient.DoesNotExist as hidden:
        raise Study.DoesNotExist from hidden


def series_for(user: User, series_id: UUID, *, level: int = Level.READER) -> Series:
    """Return one series; its `study.patient` says what the user may do, and why.

    Arguments and errors as `study_for`'s, with Series.
    """
    found = Series.objects.filter(received_at__isnull=False).select_related("study")
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
