"""What a search says of studies, series and instances (PS3.18, tables 10.6.3-3 to 10.6.3-5).

Whose they are is said as the patient's file has it now, not as the objects had it when they came.
"""

from typing import Any

from dicom.dicomweb.attributes import Json, dataset, person_name
from dicom.dicomweb.selectors import Extent
from patients.models import Patient
from scans.models import Instance, Series, Study

_SEX = {"female": "F", "male": "M", "other": "O", "unknown": ""}


def of_study(study: Study, extent: Extent, root: str) -> Json:
    """Args: root: the address of all studies."""
    return dataset(
        **_study(study),
        ModalitiesInStudy=extent.modalities,
        SOPClassesInStudy=extent.sop_classes,
        NumberOfStudyRelatedSeries=extent.series,
        NumberOfStudyRelatedInstances=extent.instances,
        RetrieveURL=f"{root}/{study.uid}",
        InstanceAvailability="ONLINE",
        ReferringPhysicianName="",
        StudyID="",
    )


def of_series(series: Series, size: int, root: str) -> Json:
    return dataset(
        **_study(series.study),
        **_series(series),
        NumberOfSeriesRelatedInstances=size,
        RetrieveURL=f"{root}/{series.study.uid}/series/{series.uid}",
        InstanceAvailability="ONLINE",
    )


def of_instance(instance: Instance, root: str) -> Json:
    series = instance.series
    address = f"{root}/{series.study.uid}/series/{series.uid}/instances/{instance.uid}"
    image: dict[str, Any] = {}
    if instance.rows:
        image = {"Rows": instance.rows, "Columns": instance.columns}
    if instance.frames > 1:
        image["NumberOfFrames"] = instance.frames
    return dataset(
        **_study(series.study),
        **_series(series),
        **image,
        SOPClassUID=instance.sop_class_uid,
        SOPInstanceUID=instance.uid,
        InstanceNumber=instance.number,
        AvailableTransferSyntaxUID=instance.transfer_syntax_uid,
        RetrieveURL=address,
        InstanceAvailability="ONLINE",
    )


def _study(study: Study) -> dict[str, Any]:
    return {
        **_patient(study.patient),
        "StudyInstanceUID": study.uid,
        "StudyDate": study.started_at and study.started_at.date(),
        "StudyTime": study.started_at,
        "TimezoneOffsetFromUTC": "+0000" if study.started_at else "",
        "AccessionNumber": study.accession_number,
        "StudyDescription": study.description,
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "SeriesInstanceUID": series.uid,
        "Modality": series.modality,
        "SeriesNumber": series.number,
        "SeriesDescription": series.description,
        "BodyPartExamined": series.body_part,
        "SeriesDate": series.started_at and series.started_at.date(),
        "SeriesTime": series.started_at,
    }


def _patient(patient: Patient) -> dict[str, Any]:
    """With the first of the patient's numbers, which is the hospital's as a rule."""
    number = next(iter(patient.identifiers.all()), None)
    return {
        "PatientName": person_name(patient.family_name, patient.given_name),
        "PatientID": number.value if number else "",
        "IssuerOfPatientID": number.issuer if number else "",
        "PatientBirthDate": patient.birth_date,
        "PatientSex": _SEX[patient.sex],
    }
