"""The reading as a structured report (PS3.16, TID 1500 Measurement Report)."""

from collections.abc import Sequence
from typing import Any

from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code

from dicom.objects import codes
from dicom.objects.result import MANUFACTURER, Result, Review, Slice, date_object


def report(result: Result, outlines: Sequence[Dataset]) -> sr.Comprehensive3DSR:
    """Return the report of one version of a reading.

    It refers to every image that was read, to the outline that it measures and, once a doctor has
    decided, to the reports before it.

    Args:
        outlines: What `segmentations` made of the same reading.
    """
    review = result.review
    made = sr.Comprehensive3DSR(
        evidence=[*result.sources, *outlines],
        content=_content(result, outlines),
        series_instance_uid=result.uid("reports"),
        series_number=9002,
        sop_instance_uid=_uid(result, result.version),
        instance_number=result.version + 1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=result.release,
        device_serial_number=result.release,
        series_description="Falx: measurements",
        is_complete=True,
        is_final=review is not None,
        is_verified=review is not None,
        verifying_observer_name=review.reviewer if review else None,
        verifying_organization=review.organization if review else None,
        previous_versions=[_earlier(result, v) for v in range(result.version)] or None,
        coding_schemes=[_SCHEME] if review else None,
    )
    date_object(made, result.at)
    if review:
        made.VerifyingObserverSequence[0].VerificationDateTime = review.at.strftime("%Y%m%d%H%M%S")
    return made


_SCHEME = CodingSchemeIdentificationItem(
    designator=codes.SCHEME, name="Falx", responsible_organization=MANUFACTURER
)


def _uid(result: Result, version: int) -> str:
    return result.uid("report", version)


def _earlier(result: Result, version: int) -> Dataset:
    reference = Dataset()
    reference.StudyInstanceUID = result.sources[0].StudyInstanceUID
    reference.SeriesInstanceUID = result.uid("reports")
    reference.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    reference.SOPInstanceUID = _uid(result, version)
    return reference


def _content(result: Result, outlines: Sequence[Dataset]) -> sr.MeasurementReport:
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_person_context=_person(result.review) if result.review else None,
            observer_device_context=_device(result),
        ),
        procedure_reported=codes.PROCEDURE,
        imaging_measurements=[_group(result, outlines)],
        title=standard.cid7021.ImagingMeasurementReport,
    )
    # Before the measurements, which are the last item of the root.
    content[0].ContentSequence.insert(-1, _image_library(result.sources))
    return content


def _image_library(sources: list[Dataset]) -> sr.ContainerContentItem:
    """Return the images that were read (TID 1600), without what they say of themselves.

    The library's own can take neither enhanced images nor ones without a place in the patient.
    """
    contains = sr.RelationshipTypeValues.CONTAINS
    modality = sr.CodeContentItem(
        name=standard.DCM.Modality,
        value=_MODALITIES.get(sources[0].get("Modality"), codes.OTHER),
        relationship_type=sr.RelationshipTypeValues.HAS_ACQ_CONTEXT,
    )
    images = [
        sr.ImageContentItem(
            name=codes.SOURCE,
            referenced_sop_class_uid=source.SOPClassUID,
            referenced_sop_instance_uid=source.SOPInstanceUID,
            relationship_type=contains,
        )
        for source in sources
    ]
    group = sr.ContainerContentItem(name=standard.DCM.ImageLibraryGroup, relationship_type=contains)
    group.ContentSequence = sr.ContentSequence([modality, *images])
    library = sr.ContainerContentItem(
        name=standard.DCM.ImageLibrary, relationship_type=contains, template_id="1600"
    )
    library.ContentSequence = sr.ContentSequence([group])
    return library


_MODALITIES = {
    code.value: code for code in (getattr(standard.cid29, name) for name in standard.cid29.dir())
}


def _device(result: Result) -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=standard.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=result.uid("device", result.release),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=MANUFACTURER,
            serial_number=result.release,
        ),
    )


def _person(review: Review) -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=standard.DCM.Person,
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
            name=review.reviewer, organization_name=review.organization
        ),
    )


Group = (
    sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
)


def _group(result: Result, outlines: Sequence[Dataset]) -> Group:
    """Return the one finding: of the outline where there is one (TID 1411), else of the images.

    A reading that a doctor rejected says only that.
    """
    review = result.review
    rejected = review is not None and not review.label
    label = review.label if review else result.label
    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=result.uid("tumor"), identifier=f"falx-{result.analysis_id}"
        ),
        "algorithm_id": sr.AlgorithmIdentification(name=MANUFACTURER, version=result.release),
        "finding_type": None if rejected else codes.FINDINGS[label],
        "finding_sites": None if rejected else [_site(result, label)],
        "qualitative_evaluations": _evaluations(review, "" if rejected else label) or None,
        "measurements": _measurements(result, label) or None,
    }
    outline = _outline_of(result.largest, outlines) if label and label != "no_tumor" else None
    group: Group
    if outline is None:
        group = sr.MeasurementsAndQualitativeEvaluations(**common)
    else:
        group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            **common, referenced_segment=_segment(result, outline)
        )
    if review and review.comment:
        group[0].ContentSequence.append(
            sr.TextContentItem(
                name=codes.COMMENT,
                value=review.comment,
                relationship_type=sr.RelationshipTypeValues.CONTAINS,
            )
        )
    return group


def _site(result: Result, label: str) -> sr.FindingSite:
    side = "" if label == "no_tumor" else str(result.measurements.get("side_patient"))
    return sr.FindingSite(anatomic_location=codes.BRAIN, laterality=codes.SIDES.get(side))


def _segment(result: Result, outline: Dataset) -> sr.ReferencedSegment:
    return sr.ReferencedSegment(
        sop_class_uid=outline.SOPClassUID,
        sop_instance_uid=outline.SOPInstanceUID,
        segment_number=1,
        source_series=sr.SourceSeriesForSegmentation(
            referenced_series_instance_uid=result.sources[0].SeriesInstanceUID
        ),
    )


def _outline_of(largest: Slice | None, outlines: Sequence[Dataset]) -> Dataset | None:
    """Return the segmentation that has the slice in which the diameters were taken."""
    if largest is None:
        return None
    wanted = largest.source.SOPInstanceUID
    for outline in outlines:
        for series in outline.ReferencedSeriesSequence:
            if any(i.ReferencedSOPInstanceUID == wanted for i in series.ReferencedInstanceSequence):
                return outline
    return None


def _evaluations(review: Review | None, label: str) -> list[sr.QualitativeEvaluation]:
    said: list[tuple[Code, Code]] = []
    if label:
        said.append((codes.PRESENCE, codes.ABSENT if label == "no_tumor" else codes.PRESENT))
    if review:
        said.append((codes.REVIEW, codes.REVIEWS[review.decision]))
    return [sr.QualitativeEvaluation(name=name, value=value) for name, value in said]


def _measurements(result: Result, label: str) -> list[sr.Measurement]:
    """Return what was measured; diameters and area are of the slice where it is largest.

    The probability is the software's of its own label: it says nothing of what a doctor put there.
    """
    made = []
    if label == result.label and result.probability is not None:
        percent = round(100 * result.probability, 1)
        made.append(sr.Measurement(name=codes.CERTAINTY, value=percent, unit=codes.PERCENT))
    size = result.measurements
    if not label or label == "no_tumor" or result.largest is None:
        return made
    if (volume := size.get("volume_ml")) is not None:
        made.append(sr.Measurement(name=codes.VOLUME, value=volume, unit=codes.CUBIC_CENTIMETRE))
    largest = result.largest
    frames = [largest.frame] if "NumberOfFrames" in largest.source else None
    seen_in = sr.SourceImageForMeasurement(
        largest.source.SOPClassUID, largest.source.SOPInstanceUID, frames
    )
    for name, what, unit in (
        (codes.AREA, "area", codes.SQUARE_MILLIMETRE),
        (codes.LONG_AXIS, "longest_diameter", codes.MILLIMETRE),
        (codes.PERPENDICULAR_AXIS, "perpendicular_diameter", codes.MILLIMETRE),
    ):
        real = size.get(f"{what}_mm2" if what == "area" else f"{what}_mm")
        value = size[f"{what}_px"] if real is None else real
        made.append(
            sr.Measurement(
                name=name,
                value=value,
                unit=codes.PIXELS if real is None else unit,
                referenced_images=[seen_in],
            )
        )
    return made
