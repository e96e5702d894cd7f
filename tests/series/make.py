"""Small series as a scanner would send them: real headers, any orientation, a head to look at."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

# Along a row and along a column, in DICOM's patient coordinates (PS3.3, C.7.6.2.1.1).
ORIENTATIONS: dict[str, tuple[float, ...]] = {
    "axial": (1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}


def make_series(
    plane: str = "axial",
    slices: int = 5,
    rows: int = 32,
    columns: int = 32,
    spacing: tuple[float, float] = (1.0, 1.0),
    between: float = 5.0,
    *,
    orientation: tuple[float, ...] | None = None,
    origin: tuple[float, float, float] = (-16.0, -16.0, 0.0),
    name: str = "1",
    study: str = "1",
    **changes: Any,
) -> list[Dataset]:
    """Return the slices of a T1-weighted series after contrast, in order along their normal.

    Args:
        spacing: Between rows and between columns, in mm.
        between: Between slices, in mm.
        orientation: Six direction cosines instead of a plane's.
        name, study: The same gives the same UIDs, another gives others.
        changes: Elements by keyword for all slices; None removes one.
    """
    directions = orientation or ORIENTATIONS[plane]
    normal = np.cross(directions[:3], directions[3:])
    made = []
    for index in range(slices):
        dataset = _common(name, study, rows, columns)
        dataset.file_meta = _meta(MRImageStorage, f"{study}.{name}.{index}")
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
        dataset.InstanceNumber = index + 1
        dataset.ImagePositionPatient = [
            round(float(v), 6) for v in np.asarray(origin) + index * between * normal
        ]
        dataset.ImageOrientationPatient = list(directions)
        dataset.PixelSpacing = list(spacing)
        dataset.SliceThickness = between
        dataset.SpacingBetweenSlices = between
        dataset.PixelData = head(index, slices, rows, columns).tobytes()
        made.append(_changed(dataset, changes))
    return made


def make_enhanced(
    plane: str = "axial",
    slices: int = 5,
    rows: int = 32,
    columns: int = 32,
    spacing: tuple[float, float] = (1.0, 1.0),
    between: float = 5.0,
    *,
    name: str = "enhanced",
    study: str = "1",
    **changes: Any,
) -> Dataset:
    """Return the same series as one Enhanced MR object (PS3.3, A.36.2)."""
    plain = make_series(plane, slices, rows, columns, spacing, between, name=name, study=study)
    dataset = _common(name, study, rows, columns)
    dataset.file_meta = _meta(EnhancedMRImageStorage, f"{study}.{name}")
    dataset.SOPClassUID = EnhancedMRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.InstanceNumber = 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "T1", "NONE"]
    dataset.NumberOfFrames = slices
    dataset.AcquisitionContrast = "T1"
    for keyword in ("RepetitionTime", "EchoTime", "ScanningSequence", "SequenceVariant"):
        delattr(dataset, keyword)
    dataset.SharedFunctionalGroupsSequence = [
        _item(
            PixelMeasuresSequence=[_item(PixelSpacing=list(spacing), SliceThickness=between)],
            PlaneOrientationSequence=[
                _item(ImageOrientationPatient=plain[0].ImageOrientationPatient)
            ],
            MRTimingAndRelatedParametersSequence=[_item(RepetitionTime=8.0, FlipAngle=12.0)],
            MREchoSequence=[_item(EffectiveEchoTime=3.0)],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(PlanePositionSequence=[_item(ImagePositionPatient=one.ImagePositionPatient)])
        for one in plain
    ]
    dataset.PixelData = b"".join(one.PixelData for one in plain)
    return _changed(dataset, changes)


def as_bytes(dataset: Dataset) -> bytes:
    """Return the DICOM file (PS3.10)."""
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP of these files by their paths in it."""
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return out.getvalue()


def head(index: int, slices: int, rows: int, columns: int) -> npt.NDArray[np.uint16]:
    """An ellipse that is widest in the middle of the series, with a bright spot on its left."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    along = (index + 0.5) / slices * 2 - 1
    inside = x**2 / 0.5 + y**2 / 0.7 + along**2 < 1
    spot = (x - 0.3) ** 2 + (y + 0.2) ** 2 + along**2 < 0.03
    picture = inside * (400 + 100 * x) + spot * 500
    return np.asarray(picture, np.uint16)


def _common(name: str, study: str, rows: int, columns: int) -> Dataset:
    """What all objects of the series have alike."""
    return _item(
        ImageType=["ORIGINAL", "PRIMARY", "M", "ND"],
        StudyDate="20240501",
        SeriesDate="20240501",
        AcquisitionDate="20240501",
        StudyTime="101500",
        SeriesTime="102030.5",
        AcquisitionTime="102040",
        AccessionNumber=f"A{study}"[:16],
        Modality="MR",
        Manufacturer="SIEMENS",
        StudyDescription="MR Brain",
        SeriesDescription="t1_mprage_tra_KM",
        PatientName="Haddad^Rana",
        PatientID="P-17",
        PatientBirthDate="19800203",
        PatientSex="F",
        BodyPartExamined="HEAD",
        ScanningSequence=["GR", "IR"],
        SequenceVariant=["SK", "SP", "MP"],
        MRAcquisitionType="3D",
        ProtocolName="t1_mprage_tra_KM",
        ContrastBolusAgent="Gadovist",
        MagneticFieldStrength=3.0,
        RepetitionTime=1900.0,
        EchoTime=2.5,
        InversionTime=900.0,
        FlipAngle=9.0,
        StudyInstanceUID=uid("study", study),
        SeriesInstanceUID=uid("series", study, name),
        FrameOfReferenceUID=uid("frame of reference", study),
        SeriesNumber=3,
        StudyID="1",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=rows,
        Columns=columns,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
    )


def _meta(sop_class: UID, name: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid("instance", name)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def uid(*names: str) -> UID:
    """The same names give the same UID."""
    return UID(generate_uid(entropy_srcs=list(names)))


def _item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        is_sequence = isinstance(value, list) and value and isinstance(value[0], Dataset)
        setattr(dataset, keyword, Sequence(value) if is_sequence else value)
    return dataset


def _changed(dataset: Dataset, changes: dict[str, Any]) -> Dataset:
    for keyword, value in changes.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset
