"""The heat map of the slice that says most as a picture (PS3.3, A.8.1: secondary capture)."""

import numpy as np
import numpy.typing as npt
from highdicom.sc import SCImage
from pydicom import Dataset, Sequence
from pydicom.uid import ExplicitVRLittleEndian

from dicom.objects.result import MANUFACTURER, Result, Slice, date_object


def heatmap(result: Result, slice_: Slice, pixels: npt.NDArray[np.uint8]) -> SCImage:
    """Return the picture that shows what in a slice spoke for the label.

    pixels: uint8 RGB (rows, columns, 3). It has no place in the patient's space: it may be
    enlarged, and is to be looked at, never to be measured in.
    """
    made = SCImage.from_ref_dataset(
        ref_dataset=slice_.source,
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=result.uid("pictures"),
        series_number=9003,
        sop_instance_uid=result.uid("heatmap"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        patient_orientation=("L", "P"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description="Falx: heat map",
    )
    made.PatientOrientation = _directions(slice_)
    made.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    made.Modality = "OT"
    made.BodyPartExamined = "BRAIN"
    made.ConversionType = "WSD"
    made.DerivationDescription = f"What spoke for the label; Falx {result.release}"
    made.BurnedInAnnotation = "NO"
    made.SoftwareVersions = result.release
    made.SourceImageSequence = Sequence([_reference(slice_)])
    date_object(made, result.read_at)
    for keyword in ("DateOfSecondaryCapture", "TimeOfSecondaryCapture"):
        if keyword in made:
            del made[keyword]
    return made


def _reference(slice_: Slice) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = slice_.source.SOPClassUID
    item.ReferencedSOPInstanceUID = slice_.source.SOPInstanceUID
    if "NumberOfFrames" in slice_.source:
        item.ReferencedFrameNumber = slice_.frame
    return item


def _directions(slice_: Slice) -> list[str]:
    """Where a row and a column go in the patient (PS3.3, C.7.6.1.1.1); empty where unknown."""
    cosines = slice_.source.get("ImageOrientationPatient")
    if not cosines:
        return []
    return [_letters(cosines[:3]), _letters(cosines[3:])]


def _letters(direction: list[float]) -> str:
    """The patient's sides that a direction goes to, the nearest first."""
    sides = zip(direction, ("LR", "PA", "HF"), strict=True)
    near = sorted(((abs(v), ends[v < 0]) for v, ends in sides if abs(v) > 0.1), reverse=True)
    return "".join(letter for _, letter in near)
