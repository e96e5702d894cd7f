"""What Falx makes of a reading, as other readers of DICOM understand it."""

import struct
from io import BytesIO
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom import DataElement, Dataset
from pydicom.tag import Tag
from pypdf import PdfReader

from accounts.models import User
from dicom.deliveries import tasks
from dicom.models import Publication
from dicom.objects.services import publish_results
from inference.models import SeriesAnalysis
from inference.series import masks, signals
from inference.series import runs as series_runs
from patients.models import Patient
from scans.models import Instance, Series
from tests.dicom.readings import (
    MEASURED,
    OBLIQUE,
    PDF,
    PIXELS_ONLY,
    SC,
    SEG,
    SR,
    objects,
    outline,
    read_series,
    review,
)
from tests.inference.series_of import filed, series_of
from tests.series.make import as_bytes, make_enhanced, make_series

SITE = "363698007"  # Finding Site, SNOMED CT


def said(report: Dataset) -> dict[str, object]:
    """The codes and numbers of a report's only measurement group, by their names."""
    group = report.ContentSequence[-1].ContentSequence[0]
    found: dict[str, object] = {}
    for item in group.ContentSequence:
        name = item.ConceptNameCodeSequence[0].CodeMeaning
        if item.ValueType == "NUM":
            value = item.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found[name] = (float(value.NumericValue), unit)
        elif item.ValueType == "CODE":
            found[name] = item.ConceptCodeSequence[0].CodeMeaning
    return found


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "oblique", "enhanced"])
def test_outline_lies_on_the_pixels_it_was_read_from(patient: Patient, plane: str) -> None:
    if plane == "enhanced":
        sources = [make_enhanced(slices=6)]
    else:
        orientation = OBLIQUE if plane == "oblique" else None
        sources = make_series(
            plane if orientation is None else "axial",
            slices=6,
            spacing=(0.8, 1.25),
            orientation=orientation,
        )
    outlined = outline(6, 32, 32)
    analysis = read_series(patient, sources, outlined)

    made = objects(publish_results(analysis=analysis))[SEG]

    segmentation = highdicom.seg.Segmentation.from_dataset(made)
    assert made.NumberOfFrames == 3
    assert made.FrameOfReferenceUID == sources[0].FrameOfReferenceUID
    if plane == "enhanced":
        frames = segmentation.get_pixels_by_source_frame(
            sources[0].SOPInstanceUID, range(1, 7), assert_missing_frames_are_empty=True
        )
    else:
        frames = segmentation.get_pixels_by_source_instance(
            [one.SOPInstanceUID for one in sources], assert_missing_frames_are_empty=True
        )
        for groups in made.PerFrameFunctionalGroupsSequence:
            derived = groups.DerivationImageSequence[0].SourceImageSequence[0]
            source = next(
                s for s in sources if s.SOPInstanceUID == derived.ReferencedSOPInstanceUID
            )
            position = groups.PlanePositionSequence[0].ImagePositionPatient
            assert np.allclose(position, source.ImagePositionPatient, atol=1e-6)
    assert np.array_equal(frames[..., 0].astype(bool), outlined)


def test_frames_at_the_same_place_are_told_apart(patient: Patient) -> None:
    """An enhanced image with two echoes of each slice, of which every second frame was read."""
    source = make_enhanced(slices=12)
    for index, groups in enumerate(source.PerFrameFunctionalGroupsSequence):
        groups.PlanePositionSequence[0].ImagePositionPatient = [-16.0, -16.0, index // 2 * 5.0]
    outlined = outline(6, 32, 32)
    analysis = read_series(patient, [source], outlined)
    analysis.slices = [one | {"index": i} for i, one in enumerate(analysis.slices[1::2])]
    analysis.save()
    made = objects(publish_results(analysis=analysis))[SEG]
    frames = highdicom.seg.Segmentation.from_dataset(made).get_pixels_by_source_frame(
        source.SOPInstanceUID, [2, 4, 6, 8, 10, 12], assert_missing_frames_are_empty=True
    )
    assert np.array_equal(frames[..., 0].astype(bool), outlined)


def test_uneven_gaps_are_kept(patient: Patient) -> None:
    sources = [one for i, one in enumerate(make_series(slices=7)) if i != 3]
    made = objects(publish_results(analysis=read_series(patient, sources, outline(6, 32, 32))))
    heights = {
        float(groups.PlanePositionSequence[0].ImagePositionPatient[2])
        for groups in made[SEG].PerFrameFunctionalGroupsSequence
    }
    assert heights == {5, 10, 20}


def test_report_says_what_was_measured_and_where(patient: Patient) -> None:
    sources = make_series(slices=6)
    made = objects(publish_results(analysis=read_series(patient, sources, outline(6, 32, 32))))

    assert said(made[SR]) == {
        "Finding": "Glioma",
        "Finding Site": "Brain",
        "Presence of property": "Present",
        "Certainty of Finding": (97.3, "%"),
        "Volume": (1.5, "cm3"),
        "Area": (95.2, "mm2"),
        "Long axis": (18.25, "mm"),
        "Perpendicular Axis": (6.5, "mm"),
    }
    assert made[SR].VerificationFlag == "UNVERIFIED"
    assert made[SR].PatientID == "P-17"
    evidence = {
        instance.ReferencedSOPInstanceUID
        for study in made[SR].CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert evidence == {one.SOPInstanceUID for one in sources} | {made[SEG].SOPInstanceUID}
    assert made[SC].SourceImageSequence[0].ReferencedSOPInstanceUID == sources[2].SOPInstanceUID
    assert made[SC].PatientOrientation == ["L", "P"]


def test_the_side_and_what_cannot_be_ruled_out_are_told(patient: Patient) -> None:
    measured = MEASURED | {"side_picture": "left", "side_patient": "right"}
    analysis = read_series(
        patient, make_series(slices=6), outline(6, 32, 32), measurements=measured
    )
    analysis.possible_labels = ["glioma", "meningioma"]
    analysis.save()
    made = objects(publish_results(analysis=analysis))
    group = made[SR].ContentSequence[-1].ContentSequence[0]
    (site,) = (i for i in group.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == SITE)
    (laterality,) = site.ContentSequence
    assert laterality.ConceptNameCodeSequence[0].CodeMeaning == "Laterality"
    assert laterality.ConceptCodeSequence[0].CodeMeaning == "Right"
    said_to_people = page(made[PDF])
    assert "Glioma or Meningioma, the likeliest first" in said_to_people
    assert "The patient's right" in said_to_people


def test_nothing_found_is_said_without_an_outline(patient: Patient) -> None:
    analysis = read_series(patient, make_series(), None, label="no_tumor")
    made = objects(publish_results(analysis=analysis))
    assert made.keys() == {SR, PDF}
    assert said(made[SR]) == {
        "Finding": "Neoplasm",
        "Finding Site": "Brain",
        "Presence of property": "Absent",
        "Certainty of Finding": (97.3, "%"),
    }


def test_pixels_are_never_called_millimetres(patient: Patient) -> None:
    nowhere: dict[str, Any] = dict.fromkeys(
        ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID")
    )
    sources = make_series(slices=6, **nowhere)
    analysis = read_series(patient, sources, outline(6, 32, 32), measurements=PIXELS_ONLY)
    made = objects(publish_results(analysis=analysis))
    assert SEG not in made  # the standard has none of images without a place in the patient
    sizes = {name: value for name, value in said(made[SR]).items() if isinstance(value, tuple)}
    assert sizes == {
        "Certainty of Finding": (97.3, "%"),
        "Area": (120, "{pixels}"),
        "Long axis": (17.2, "{pixels}"),
        "Perpendicular Axis": (6.1, "{pixels}"),
    }


def test_reviews_are_new_versions_of_the_report(patient: Patient, doctor: User) -> None:
    doctor.first_name, doctor.last_name = "Nadia", "El^Khoury"
    doctor.save()
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    first = objects(publish_results(analysis=analysis))[SR]
    review(analysis, doctor, "corrected", "meningioma")
    second = objects(publish_results(analysis=analysis, version=1))
    review(analysis, doctor, "rejected")
    third = objects(publish_results(analysis=analysis, version=2))

    assert second.keys() == third.keys() == {SR, PDF}
    corrected, rejected = second[SR], third[SR]
    assert corrected.SeriesInstanceUID == first.SeriesInstanceUID
    assert corrected.VerificationFlag == rejected.VerificationFlag == "VERIFIED"
    assert corrected.VerifyingObserverSequence[0].VerifyingObserverName == "El Khoury^Nadia"
    assert said(corrected)["Finding"] == "Meningioma"
    assert said(corrected)["Decision of the reviewer"] == "Reading corrected"
    assert "Certainty of Finding" not in said(corrected)  # that was of another label
    assert said(rejected) == {"Decision of the reviewer": "Reading rejected"}
    earlier = [
        instance.ReferencedSOPInstanceUID
        for study in rejected.PredecessorDocumentsSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    ]
    assert earlier == [first.SOPInstanceUID, corrected.SOPInstanceUID]


def test_the_page_for_people_says_the_same(patient: Patient, doctor: User) -> None:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    review(analysis, doctor, "corrected", "meningioma")
    first = page(objects(publish_results(analysis=analysis))[PDF])
    second = page(objects(publish_results(analysis=analysis, version=1))[PDF])
    measured = ("97.3 %", "1.5 ml", "18.2 mm")
    for text in ("Haddad Rana", "P-17", "1980-02-03", "Preliminary", "Glioma", *measured):
        assert text in first
    for text in ("A doctor has corrected", "Meningioma", "Along the falx."):
        assert text in second
    assert "97.3 %" not in second


def page(made: Dataset) -> str:
    data = made.EncapsulatedDocument[: made.EncapsulatedDocumentLength]
    return " ".join(PdfReader(BytesIO(data)).pages[0].extract_text().split())


def test_publishing_twice_makes_nothing_twice(patient: Patient) -> None:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    first = publish_results(analysis=analysis)
    again = publish_results(analysis=analysis)
    assert [one.pk for one in first] == [one.pk for one in again]
    assert {one.series.modality for one in first} == {"SEG", "SR", "OT", "DOC"}
    assert all(s.ours and s.settled_at for s in Series.objects.filter(instances__in=first))
    assert not SeriesAnalysis.objects.filter(series__ours=True).exists()


def test_odd_headers_do_not_keep_a_result_back(patient: Patient) -> None:
    odd: dict[str, Any] = {
        "PatientAge": "42",
        "PatientSex": "FEMALE",
        "PatientBirthDate": None,
        "AccessionNumber": None,
        "StudyID": None,
        "SliceThickness": None,
        "SpecificCharacterSet": "ISO_IR 127",
        "PatientName": "حداد^رنا",
    }
    with pydicom.config.disable_value_validation():
        sources = make_series(slices=6, **odd)
        sources[2].ImageOrientationPatient = [0.999999, 0.000001, 0, 0, 1, 0]
        analysis = read_series(patient, sources, outline(6, 32, 32))
    made = objects(publish_results(analysis=analysis))
    assert made.keys() == {SEG, SR, SC, PDF}
    assert str(made[SR].PatientName) == "حداد^رنا"
    assert "PatientAge" not in made[SEG]
    assert made[SEG].NumberOfFrames == 3


def test_a_reading_is_published_by_its_signal_or_by_the_sweep(
    patient: Patient, doctor: User, django_capture_on_commit_callbacks: Any
) -> None:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    signals.series_read.send(SeriesAnalysis, analysis=analysis)
    signals.series_read.send(SeriesAnalysis, analysis=analysis)
    review(analysis, doctor, "confirmed", "glioma")  # nobody tells of this one

    tasks.sweep_deliveries()

    waiting = Publication.objects.order_by("version")
    assert [one.version for one in waiting] == [0, 1]
    for publication in waiting:
        tasks.publish(str(publication.pk))
        tasks.publish(str(publication.pk))  # the same message twice
    assert [one.status for one in waiting.all()] == ["done", "done"]
    assert Instance.objects.filter(series__ours=True, sop_class_uid=SR).count() == 2


def test_what_the_engine_reads_is_published(
    patient: Patient, django_capture_on_commit_callbacks: Any
) -> None:
    """From the worker that reads to the objects: everything as it really is in between."""
    series = filed(patient, series_of("no_tumor", "glioma", "glioma", ""))
    analysis = SeriesAnalysis.objects.get(series=series)
    with django_capture_on_commit_callbacks(execute=True):
        series_runs.run(analysis.pk)
    tasks.publish(str(Publication.objects.get().pk))
    analysis.refresh_from_db()
    made = objects(list(Instance.objects.filter(series__ours=True)))
    assert made.keys() == {SEG, SR, SC, PDF}
    frames = highdicom.seg.Segmentation.from_dataset(made[SEG]).get_pixels_by_source_instance(
        [one["instance"] for one in analysis.slices], assert_missing_frames_are_empty=True
    )
    assert np.array_equal(frames[..., 0].astype(bool), masks.load(analysis))
    volume_ml = (analysis.measurements or {})["volume_ml"]
    assert said(made[SR])["Volume"] == (volume_ml, "cm3")
    assert said(made[SR])["Finding"] == "Glioma"
    assert SeriesAnalysis.objects.count() == 1  # what was made is not read


@pytest.mark.parametrize(
    "damage",
    [
        {"ImageOrientationPatient": [1, 1, 1, 1, 1, 1]},
        {"ImagePositionPatient": 1},
        {"FrameOfReferenceUID": ["1.2", "1.3"]},
        {"PatientName": ["One", "Two"]},
    ],
)
def test_damaged_headers_cost_the_outline_at_most(patient: Patient, damage: dict[str, Any]) -> None:
    sources = make_series(**damage)
    made = objects(publish_results(analysis=read_series(patient, sources, outline(5, 32, 32))))
    assert {SR, SC, PDF} <= made.keys()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("InstanceNumber", b"inf "),
        ("InstanceNumber", b"first "),
        ("SeriesNumber", b"inf "),
        ("NumberOfFrames", b"one "),
        ("SliceThickness", b"inf "),
        ("SliceThickness", b"thin"),
        ("SpacingBetweenSlices", b"1\\2 "),
        ("PatientWeight", b"1e999 "),
        ("ImageOrientationPatient", b"1\\0\\0 "),
        ("ImagePositionPatient", b"here"),
        ("Modality", b"MR\\CT "),
        ("StudyID", b"1\\2 "),
        ("SOPInstanceUID", b"1.2.03"),  # a leading zero: not allowed, and sent
    ],
    ids=str,
)
def test_what_is_no_value_does_not_keep_a_result_back(
    patient: Patient, keyword: str, value: bytes
) -> None:
    sources: list[Dataset | bytes] = [*make_series(slices=6)]
    (damaged,) = make_series(slices=3)[2:]
    sources[2] = with_bytes(damaged, keyword, value)
    made = objects(publish_results(analysis=read_series(patient, sources, outline(6, 32, 32))))
    assert {SR, SC, PDF} <= made.keys()


@pytest.mark.parametrize(
    ("groups", "macro", "changes"),
    [
        ("Shared", "", {}),
        ("PerFrame", "", {}),
        ("Shared", "PixelMeasures", {}),
        ("Shared", "PixelMeasures", {"PixelSpacing": [0, 0]}),
        ("Shared", "PlaneOrientation", {"ImageOrientationPatient": [1, 1, 1, 1, 1, 1]}),
        ("PerFrame", "PlanePosition", {}),
        ("PerFrame", "PlanePosition", {"ImagePositionPatient": None}),
    ],
    ids=str,
)
def test_an_enhanced_image_without_a_place_costs_the_outline_only(
    patient: Patient, groups: str, macro: str, changes: dict[str, Any]
) -> None:
    source = make_enhanced()
    items = source[f"{groups}FunctionalGroupsSequence"].value
    damaged = items[-1][f"{macro}Sequence"].value if macro else items
    if changes:
        ((keyword, value),) = changes.items()
        setattr(damaged[0], keyword, value)
    else:
        damaged.clear()
    made = objects(publish_results(analysis=read_series(patient, [source], outline(5, 32, 32))))
    assert made.keys() == {SR, SC, PDF}


def with_bytes(dataset: Dataset, keyword: str, value: bytes) -> bytes:
    """Return the file with these bytes as an element's value, which the library would not write."""
    tag = Tag(keyword)
    dataset[tag] = DataElement(tag, "LO", "PLACE OF VALUE")
    start = struct.pack("<HH", tag.group, tag.element)
    vr = pydicom.datadict.dictionary_VR(tag).encode()
    before = start + b"LO" + struct.pack("<H", 14) + b"PLACE OF VALUE"
    data = as_bytes(dataset)
    assert before in data
    return data.replace(before, start + vr + struct.pack("<H", len(value)) + value)


@pytest.mark.parametrize("sop_class", ["1.3.46.670589.11.0.0.12.1", ""])
def test_images_of_no_class_that_is_known_have_no_objects(patient: Patient, sop_class: str) -> None:
    (source,) = make_series(slices=1)
    sources = [with_bytes(source, "SOPClassUID", sop_class.encode() + b"\0" * (len(sop_class) % 2))]
    assert publish_results(analysis=read_series(patient, sources, None, label="no_tumor")) == []
