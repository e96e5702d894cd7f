"""The outline as a DICOM Segmentation (PS3.3, A.51): binary, in the source's own geometry."""

from collections import defaultdict
from collections.abc import Hashable

import numpy as np
import numpy.typing as npt
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from pydicom import Dataset, Sequence

from dicom.objects import codes
from dicom.objects.result import MANUFACTURER, Result, Slice, date_object
from scans.series.frames import geometry_of

LABEL = "TUMOR"
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def segmentations(result: Result) -> list[Segmentation]:
    """Return the segmentations of a reading: usually one, none where nothing is outlined.

    An object has one orientation, one frame of reference and one size (PS3.3, A.51.4), and its
    source is either one multi-frame image or many single ones; a series that mixes these gets one
    for each of them. Where nothing was found there is none: an empty one would say that there is
    a segment of a tumour, which viewers list and programs count. Neither is there one of images
    without a place in the patient, which the standard does not allow.
    """
    known = {source.SOPInstanceUID: _group(source) for source in result.sources}
    groups: dict[Hashable, list[Slice]] = defaultdict(list)
    for slice_ in result.slices:
        groups[known[slice_.source.SOPInstanceUID]].append(slice_)
    outlined = [g for key, g in groups.items() if key and any(s.mask.any() for s in g)]
    return [segmentation(result, slices, number) for number, slices in enumerate(outlined, 1)]


def segmentation(result: Result, slices: list[Slice], number: int) -> Segmentation:
    sources, frames = _frames(slices)
    made = Segmentation(
        source_images=sources,
        pixel_array=frames,
        segmentation_type="BINARY",
        segment_descriptions=[_segment(result)],
        series_instance_uid=result.uid("segmentations"),
        series_number=9001,
        sop_instance_uid=result.uid("segmentation", number),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=result.release,
        device_serial_number=result.release,
        content_label=LABEL,
        content_description="Outline of a tumor, made by software",
        series_description="Falx: outline",
        omit_empty_frames=True,
    )
    _refer_to_frames(made, slices)
    # What the library takes from a clock or by chance follows from the reading instead.
    date_object(made, result.read_at)
    organization = result.uid("segmentation", number, "dimensions")
    for item in [*made.DimensionOrganizationSequence, *made.DimensionIndexSequence]:
        item.DimensionOrganizationUID = organization
    return made


def _group(source: Dataset) -> Hashable:
    """What slices must have in common to stand in one object; None where they cannot at all."""
    if not isinstance(source.get("FrameOfReferenceUID") or None, str):
        return None
    enhanced = "NumberOfFrames" in source and "SharedFunctionalGroupsSequence" in source
    # Numbers that can be so, or none.
    geometry = geometry_of(source, int(source.NumberOfFrames) if enhanced else 1)
    if not geometry["frames"] or not geometry["spacing_mm"]:
        return None
    if enhanced:
        return source.SOPInstanceUID if _share_orientation(source) else None
    if any(keyword not in source for keyword in _PLACE):
        return None  # it says so in another way than images of one frame do
    source.setdefault("SliceThickness", None)  # may be missing; the library asks for it
    place = (source.ImageOrientationPatient, source.PixelSpacing)
    # Some write the last digits of the same direction differently from slice to slice.
    values = (round(float(value), 4) for part in place for value in part)
    return (source.FrameOfReferenceUID, source.Rows, source.Columns, *values)


def _share_orientation(source: Dataset) -> bool:
    """Move what all frames of an enhanced image have in common to where the library looks for it.

    The standard lets each frame repeat it (PS3.3, C.7.6.16).
    """
    if (
        not source.SharedFunctionalGroupsSequence
        or "PerFrameFunctionalGroupsSequence" not in source
    ):
        return False
    shared = source.SharedFunctionalGroupsSequence[0]
    for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        if keyword in shared:
            continue
        each = [groups.get(keyword) for groups in source.PerFrameFunctionalGroupsSequence]
        if not each or any(one is None or one != each[0] for one in each):
            return False
        setattr(shared, keyword, Sequence(each[0]))
    return all("PlanePositionSequence" in g for g in source.PerFrameFunctionalGroupsSequence)


def _frames(slices: list[Slice]) -> tuple[list[Dataset], npt.NDArray[np.uint8]]:
    """Return the sources, and uint8 (frames, rows, columns), one frame for each of theirs."""
    first = slices[0].source
    rows, columns = int(first.Rows), int(first.Columns)
    masks = np.stack([s.mask[:rows, :columns].astype(np.uint8) for s in slices])
    if "SharedFunctionalGroupsSequence" in first:
        return [_only(first, [s.frame for s in slices])], masks
    for slice_ in slices:  # as good as equal, and the library wants them equal
        slice_.source.ImageOrientationPatient = first.ImageOrientationPatient
    return [s.source for s in slices], masks


def _only(source: Dataset, frames: list[int]) -> Dataset:
    """Return an enhanced image's header as if it had these frames only, in this order.

    One frame of each position is read; the library refuses an image that has several.
    """
    made = Dataset()
    made.update(source)
    groups = source.PerFrameFunctionalGroupsSequence
    made.PerFrameFunctionalGroupsSequence = Sequence(groups[frame - 1] for frame in frames)
    made.NumberOfFrames = len(frames)
    return made


def _refer_to_frames(made: Segmentation, slices: list[Slice]) -> None:
    """Undo in the references to frames what `_only` did."""
    for groups in made.PerFrameFunctionalGroupsSequence:
        for image in groups.DerivationImageSequence[0].SourceImageSequence:
            if "ReferencedFrameNumber" in image:
                image.ReferencedFrameNumber = slices[int(image.ReferencedFrameNumber) - 1].frame


def _segment(result: Result) -> SegmentDescription:
    return SegmentDescription(
        segment_number=1,
        segment_label="Tumor",
        segmented_property_category=codes.MORPHOLOGY,
        segmented_property_type=codes.NEOPLASM,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=MANUFACTURER, family=codes.ALGORITHM_FAMILY, version=result.release
        ),
        tracking_uid=result.uid("tumor"),
        tracking_id=f"falx-{result.analysis_id}",
        anatomic_regions=[codes.BRAIN],
    )
