"""One page about a reading for people, as PDF in a DICOM object (PS3.3, A.45.1)."""

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from highdicom.base import SOPClass
from pydicom import Dataset, Sequence
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from dicom.objects.result import MANUFACTURER, Result, date_object
from inference.models import Label
from reports.text import Said, said
from reports.typeset import typeset

TEMPLATE = Path(__file__).resolve().parent / "summary.typ"
TITLE = "Brain MRI: reading of one series"
_SIZES = (
    ("Volume", "volume_ml", "ml", None),
    ("Area, largest slice", "area_mm2", "mm²", "area_px"),
    ("Longest diameter", "longest_diameter_mm", "mm", "longest_diameter_px"),
    ("Perpendicular to it", "perpendicular_diameter_mm", "mm", "perpendicular_diameter_px"),
)
_SIDES = {
    "left": "The patient's left",
    "right": "The patient's right",
    "middle": "Across the middle of the head",
}


def document(result: Result, picture: bytes | None) -> Dataset:
    """Return the page as an object that refers to the images that were read.

    picture: JPEG of the slice that says most.

    Raises:
        TypesetError: the page could not be set.
    """
    source = result.sources[0]
    made = SOPClass(
        study_instance_uid=source.StudyInstanceUID,
        series_instance_uid=result.uid("documents"),
        series_number=9004,
        sop_instance_uid=result.uid("document", result.version),
        sop_class_uid=EncapsulatedPDFStorage,
        instance_number=result.version + 1,
        modality="DOC",
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=result.release,
        series_description="Falx: report",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",
        patient_id=source.PatientID,
        patient_name=source.PatientName,
        patient_birth_date=source.PatientBirthDate,
        patient_sex=source.PatientSex,
        accession_number=source.AccessionNumber,
        study_id=source.StudyID,
        study_date=source.StudyDate,
        study_time=source.StudyTime,
        referring_physician_name=source.ReferringPhysicianName,
    )
    made.copy_patient_and_study_information(source)
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"
    made.VerificationFlag = "VERIFIED" if result.review else "UNVERIFIED"
    made.DocumentTitle = TITLE
    made.ConceptNameCodeSequence = Sequence()
    made.SourceInstanceSequence = Sequence(_reference(one) for one in result.sources)
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    page = _page(result, picture)
    made.EncapsulatedDocumentLength = len(page)
    made.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    date_object(made, result.at)
    return made


def _reference(source: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    return item


def _page(result: Result, picture: bytes | None) -> bytes:
    data = {
        "title": TITLE,
        "hospital": said(settings.HOSPITAL_NAME),
        "state": _state(result),
        "release": result.release,
        "facts": [(label, value) for label, value in _facts(result) if value["t"]],
        "picture": picture is not None,
    }
    with TemporaryDirectory(prefix="falx-summary-") as name:
        folder = Path(name)
        shutil.copyfile(TEMPLATE, folder / "report.typ")
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        if picture is not None:
            (folder / "picture.jpg").write_bytes(picture)
        return typeset(folder, result.at)


def _state(result: Result) -> str:
    if result.review is None:
        return "Preliminary: no doctor has reviewed this reading."
    return f"A doctor has {result.review.decision} this reading."


def _facts(result: Result) -> list[tuple[str, Said]]:
    source, review = result.sources[0], result.review
    name = str(source.PatientName).replace("^", " ").strip()
    facts: list[tuple[str, object]] = [
        ("Patient", name),
        ("Number", source.PatientID),
        ("Born", _day(source.PatientBirthDate)),
        ("Study", source.get("StudyDescription", "")),
        ("Series", source.get("SeriesDescription", "")),
        ("Taken", _day(source.StudyDate)),
        ("Read", f"{result.read_at:%Y-%m-%d %H:%M %Z}, {len(result.slices)} slices"),
    ]
    label = review.label if review else result.label
    if label:
        facts.append(("Finding", Label(label).label))
    if label == result.label and result.probability is not None:
        facts.append(("Probability", f"{min(result.probability * 100, 99.9):.1f} %"))
    if not review and len(result.possible_labels) > 1:
        possible = " or ".join(Label(one).label for one in result.possible_labels)
        facts.append(("Possible", f"{possible}, the likeliest first"))
    if label and label != Label.NO_TUMOR:
        facts += _sizes(result)
    if review:
        facts += [
            ("Reviewed by", review.reviewer.replace("^", ", ")),
            ("Reviewed", f"{review.at:%Y-%m-%d %H:%M %Z}"),
            ("Comment", review.comment),
        ]
    return [(label, said(value or "")) for label, value in facts]


def _day(date: object) -> str:
    """A DICOM date as people write it; anything else as it is."""
    return re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", str(date or ""))


def _sizes(result: Result) -> list[tuple[str, object]]:
    """What was measured, in pixels only where millimetres are not real."""
    sizes: list[tuple[str, object]] = []
    for label, name, unit, in_pixels in _SIZES:
        if (value := result.measurements.get(name)) is not None:
            sizes.append((label, f"{value:.1f} {unit}"))
        elif in_pixels and (value := result.measurements.get(in_pixels)) is not None:
            sizes.append((label, f"{value:.0f} pixels"))
    if side := result.measurements.get("side_patient"):
        sizes.append(("Side", _SIDES[side]))
    return sizes
