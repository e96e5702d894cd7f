"""Everything that reads deliveries, limited to what the caller may see."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from dicom.models import Delivery
from dicom.objects.uids import SERIES, uid_for
from inference.models import SeriesAnalysis
from patients.access import patient_for
from patients.models import Patient
from scans.models import Series


def deliveries_of(series: Series) -> QuerySet[Delivery]:
    """Deliveries of what was made of a series that the caller may see, newest first.

    Asked of a series of ours: of what is in it.
    """
    readings = SeriesAnalysis.objects.filter(series=series).values_list("pk", flat=True)
    made = [uid_for(reading, name) for reading in readings for name in SERIES]
    of_it = Q(instance__series__study=series.study_id, instance__series__uid__in=made)
    found = Delivery.objects.filter(of_it | Q(instance__series=series))
    return found.select_related("instance__series", "peer")


def delivery_for(user: User, delivery_id: UUID) -> Delivery:
    """Return one delivery; its `instance.series.study.patient` says why the user may see it.

    Raises:
        Delivery.DoesNotExist: also when it exists but is not for this user.
    """
    wanted = Delivery.objects.select_related("instance__series__study", "peer")
    delivery = wanted.get(pk=delivery_id)
    study = delivery.instance.series.study
    try:
        study.patient = patient_for(user, study.patient_id)
    except Patient.DoesNotExist as hidden:
        raise Delivery.DoesNotExist from hidden
    return delivery
