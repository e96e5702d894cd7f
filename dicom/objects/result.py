"""What our objects are made of: a reading, what a doctor said of it, and the images it is of."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from pydicom import DataElement, Dataset, config, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.valuerep import validate_value

from dicom.objects.uids import uid_for

Mask = npt.NDArray[np.bool_]

MANUFACTURER = "Falx"
# Attributes that every composite object has, perhaps empty (PS3.3, C.7.1.1 and C.7.2.1).
_TYPE_2 = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_SEXES = ("M", "F", "O", "")
_NUMBERS = ("DS", "FD", "FL", "IS")


@dataclass(frozen=True)
class Slice:
    """One slice as it was read.

    source: the header of the object that it is in. frame: its number there, from 1.
    mask: bool (rows, columns) of that object.
    """

    source: Dataset
    frame: int
    mask: Mask


@dataclass(frozen=True)
class Review:
    """A doctor's answer; `label` is what holds now, empty where the reading was rejected."""

    decision: str
    label: str
    comment: str
    reviewer: str
    organization: str
    at: datetime


@dataclass(frozen=True)
class Result:
    """A reading that is done, in version 0 as Falx read it, then as of each review.

    measurements: as `SeriesAnalysis.measurements`; millimetres are None where they are not real.
    possible_labels: those that the release cannot rule out; empty where it does not know.
    """

    analysis_id: UUID
    version: int
    slices: list[Slice]
    label: str
    probability: float | None
    possible_labels: list[str]
    measurements: dict[str, Any]
    release: str
    read_at: datetime
    review: Review | None = None

    @property
    def at(self) -> datetime:
        """When what this version says was said."""
        return self.review.at if self.review else self.read_at

    @property
    def sources(self) -> list[Dataset]:
        """The headers of the objects that the slices are in, each once, in the slices' order."""
        return list({s.source.SOPInstanceUID: s.source for s in self.slices}.values())

    @property
    def largest(self) -> Slice | None:
        """The slice that the diameters are of."""
        return self._slice("largest_slice")

    @property
    def shown(self) -> Slice | None:
        """The slice that the pictures show: the largest, or the one that spoke most for a label."""
        return self._slice("key_slice")

    def _slice(self, name: str) -> Slice | None:
        index = self.measurements.get(name)
        return None if index is None else self.slices[index]

    def uid(self, *what: object) -> str:
        return uid_for(self.analysis_id, *what)


def read_header(file: IO[bytes]) -> Dataset:
    """Read what our objects take over from a source image, which need not be well-formed.

    What cannot be read, is no number where it must be one, or is not as many values as it must be
    is left out, and so are values of patient and study that the standard does not allow: they
    would make our own objects invalid. UIDs stay as they were sent: they say what is referred to.
    Text is in UTF-8 from here on: who reviews may have any name.
    """
    header = dcmread(file, stop_before_pixels=True, force=True)
    _leave_out_unusable(header)
    header.decode()
    header.SpecificCharacterSet = "ISO_IR 192"
    for element in list(header.group_dataset(0x0008)) + list(header.group_dataset(0x0010)):
        several = element.VR == "PN" and element.VM > 1
        if element.VR not in ("SQ", "UI") and (
            several or not all(_allowed(element.VR, v) for v in _values(element.value))
        ):
            del header[element.tag]
    if header.get("PatientSex", "") not in _SEXES:
        header.PatientSex = ""
    for keyword in _TYPE_2:
        if header.get(keyword) is None:
            setattr(header, keyword, "")
    return header


def _leave_out_unusable(dataset: Dataset) -> None:
    """Remove what no program can do anything with, also in sequences."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # values are read when they are asked for, and raise nearly everything
            del dataset[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                _leave_out_unusable(item)
        elif element.VM and not _is_usable(element):
            del dataset[tag]


def _is_usable(element: DataElement) -> bool:
    """Whether there are as many values as the standard has, and numbers are numbers."""
    count = dictionary_VM(element.tag) if dictionary_has_tag(element.tag) else ""
    if count.isdigit() and int(count) != element.VM:
        return False
    try:
        return element.VR not in _NUMBERS or all(
            math.isfinite(float(value)) for value in _values(element.value)
        )
    except (TypeError, ValueError, OverflowError):
        return False


def _values(value: Any) -> Iterator[Any]:
    yield from (
        [value] if isinstance(value, str | bytes) or not hasattr(value, "__iter__") else value
    )


def _allowed(vr: str, value: Any) -> bool:
    try:
        validate_value(vr, str(value) if vr in ("DA", "TM", "DT", "PN") else value, config.RAISE)
    except (ValueError, TypeError):
        return False
    return True


def date_object(made: Dataset, at: datetime) -> None:
    """Say when what an object says was said, so that its bytes do not depend on when it is made."""
    for keyword in ("Content", "InstanceCreation"):
        setattr(made, f"{keyword}Date", at.strftime("%Y%m%d"))
        setattr(made, f"{keyword}Time", at.strftime("%H%M%S.%f"))
    for equipment in made.get("ContributingEquipmentSequence", []):
        if "ContributionDateTime" in equipment:
            equipment.ContributionDateTime = at.strftime("%Y%m%d%H%M%S.%f")
