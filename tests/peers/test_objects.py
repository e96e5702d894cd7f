"""Falx's objects before validators, readers and a PACS that others wrote."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom import Dataset

from accounts.models import User
from dicom import dicomweb_client
from dicom.deliveries import tasks
from dicom.models import Delivery, Peer
from dicom.objects.services import publish_later, publish_results
from patients.models import Patient
from scans.models import Instance
from tests.dicom.readings import OBLIQUE, PIXELS_ONLY, SEG, SR, outline, read_series, review
from tests.jobs.deployment import free_port
from tests.peers.orthanc import Orthanc
from tests.series.make import make_enhanced, make_series

BIN = Path(sys.executable).parent
# PixelMed's rules are too long for the limits that Java has set since.
JAVA = "-Djdk.xml.xpathExprOpLimit=0 -Djdk.xml.xpathExprGrpLimit=0 -Djdk.xml.xpathTotalOpLimit=0"
NOWHERE: dict[str, Any] = dict.fromkeys(
    ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID")
)

Made = list[Instance]
Voxels = npt.NDArray[np.int64]


def tumor(patient: Patient, doctor: User) -> Made:
    return publish_results(analysis=read_series(patient, make_series(slices=6), outline(6, 32, 32)))


def enhanced(patient: Patient, doctor: User) -> Made:
    sources = [make_enhanced(slices=6)]
    return publish_results(analysis=read_series(patient, sources, outline(6, 32, 32)))


def uneven(patient: Patient, doctor: User) -> Made:
    sources = [one for i, one in enumerate(make_series(slices=7)) if i != 3]
    return publish_results(analysis=read_series(patient, sources, outline(6, 32, 32)))


def nothing_found(patient: Patient, doctor: User) -> Made:
    analysis = read_series(patient, make_series(), None, label="no_tumor")
    return publish_results(analysis=analysis)


def pixels_only(patient: Patient, doctor: User) -> Made:
    sources = make_series(slices=6, **NOWHERE)
    analysis = read_series(patient, sources, outline(6, 32, 32), measurements=PIXELS_ONLY)
    return publish_results(analysis=analysis)


def reviewed(patient: Patient, doctor: User) -> Made:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    review(analysis, doctor, "confirmed", "glioma")
    review(analysis, doctor, "corrected", "meningioma")
    review(analysis, doctor, "corrected", "no_tumor")
    versions = (publish_results(analysis=analysis, version=v) for v in (1, 2, 3))
    return [one for version in versions for one in version]


def rejected(patient: Patient, doctor: User) -> Made:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    review(analysis, doctor, "rejected")
    return publish_results(analysis=analysis, version=1)


EVERYTHING = [tumor, enhanced, uneven, nothing_found, pixels_only, reviewed, rejected]


@pytest.mark.parametrize("making", EVERYTHING)
def test_validators_find_no_error(
    patient: Patient, doctor: User, making: Callable[[Patient, User], Made]
) -> None:
    made = making(patient, doctor)
    assert made
    for instance in made:
        path = instance.file.path
        # It can end with 0 although it found errors.
        said = output(BIN / "dciodvfy", path)
        assert not [line for line in said.splitlines() if line.startswith("Error")], said
        if instance.sop_class_uid == SR:
            assert "Comprehensive 3D SR Document" in output("dsrdump", path, check=True)
            said = output("DicomSRValidator", path, JAVA_TOOL_OPTIONS=JAVA)
            assert "IOD validation complete" in said
            assert not [line for line in said.splitlines() if line.startswith("Error")], said


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "oblique", "enhanced", "uneven"])
def test_another_reader_finds_the_outline_in_the_same_place(
    patient: Patient, tmp_path: Path, plane: str
) -> None:
    """dcmqi reads the segmentation into a volume of its own; its voxels are compared with the
    source's by where both lie in the patient, in hundredths of a millimetre."""
    if plane == "enhanced":
        source = make_enhanced(slices=6, spacing=(0.8, 1.25))
        sources = [source]
        places = [plane_of(source, i) for i in range(6)]
    else:
        sources = make_series(
            plane if plane in ("coronal", "sagittal") else "axial",
            slices=7 if plane == "uneven" else 6,
            spacing=(0.8, 1.25),
            orientation=OBLIQUE if plane == "oblique" else None,
            origin=(-31.5, 12.25, 7.0),
        )
        if plane == "uneven":
            del sources[5]  # behind the outline: what is left in between is even
        places = [affine(s.ImagePositionPatient, s.ImageOrientationPatient) for s in sources]
    masks = outline(6, 32, 32)
    analysis = read_series(patient, sources, masks)
    made = {one.sop_class_uid: one for one in publish_results(analysis=analysis)}

    output(
        BIN / "segimage2itkimage", "--inputDICOM", made[SEG].file.path, "--outputType", "nrrd",
        "--outputDirectory", tmp_path, "--prefix", "out", check=True,
    )  # fmt: skip

    expected = np.concatenate(
        [
            place[0] + np.argwhere(mask)[:, ::-1] @ place[1]
            for place, mask in zip(places, masks, strict=True)
        ]
    )
    found = nrrd_points(tmp_path / "out-1.nrrd")
    assert len(found) == masks.sum()
    assert as_set(found) == as_set(expected)


def test_another_reader_finds_the_measurements(patient: Patient, tmp_path: Path) -> None:
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32))
    made = {one.sop_class_uid: one for one in publish_results(analysis=analysis)}
    read = tmp_path / "report.json"
    output(
        BIN / "tid1500reader", "--inputDICOM", made[SR].file.path, "--outputMetadata", read,
        check=True,
    )  # fmt: skip
    (group,) = json.loads(read.read_text())["Measurements"]
    assert group["segmentationSOPInstanceUID"] == made[SEG].uid
    assert group["Finding"]["CodeMeaning"] == "Glioma"
    values = {
        item["quantity"]["CodeMeaning"]: (float(item["value"]), item["units"]["CodeValue"])
        for item in group["measurementItems"]
    }
    assert values == {
        "Certainty of Finding": (97.3, "%"),
        "Volume": (1.5, "cm3"),
        "Area": (95.2, "mm2"),
        "Long axis": (18.25, "mm"),
        "Perpendicular Axis": (6.5, "mm"),
    }


@pytest.mark.parametrize("way", ["STOW-RS", "C-STORE"])
def test_a_pacs_keeps_what_is_delivered_as_it_is(patient: Patient, pacs: Orthanc, way: str) -> None:
    host, port = pacs.address
    address = (
        {"dicomweb_url": pacs.dicomweb_url}
        if way == "STOW-RS"
        else {"ae_title": pacs.ae_title, "host": host, "port": int(port)}
    )
    peer = Peer.objects.create(name="PACS", wants_results=True, **address)
    pacs.add_modality("FALX", port=free_port())
    pacs.clear()
    analysis = read_series(patient, make_series(slices=6), outline(6, 32, 32), sender=peer)
    tasks.publish(str(publish_later(analysis=analysis, version=0).pk))
    deliveries = list(Delivery.objects.all())
    assert len(deliveries) == 4
    for delivery in deliveries:
        tasks.deliver(str(delivery.pk))
        Delivery.objects.filter(pk=delivery.pk).update(status="waiting")
        tasks.deliver(str(delivery.pk))  # as after a crash: again, and nothing is there twice
        delivery.refresh_from_db()
        assert (delivery.status, delivery.error) == ("done", "")

    web = Peer(dicomweb_url=pacs.dicomweb_url)
    back = [
        pydicom.dcmread(BytesIO(data))
        for data in dicomweb_client.retrieve(web, analysis.series.study.uid)
    ]
    assert len(back) == 4
    kept = {dataset.SOPInstanceUID: dataset for dataset in back}
    for delivery in deliveries:
        sent = pydicom.dcmread(delivery.instance.file.path)
        for keyword in ("PixelData", "ContentSequence", "EncapsulatedDocument"):
            assert sent.get(keyword) == kept[sent.SOPInstanceUID].get(keyword)


def test_searching_a_pacs(db: None, pacs: Orthanc) -> None:
    peer = Peer.objects.create(name="PACS", dicomweb_url=pacs.dicomweb_url)
    pacs.clear()
    pacs.store(*make_series(slices=2), *make_series(slices=3, study="2", PatientID="Q-9"))
    (found,) = dicomweb_client.search(peer, PatientID="Q-9")
    assert found.NumberOfStudyRelatedInstances == 3
    assert len(list(dicomweb_client.retrieve(peer, found.StudyInstanceUID))) == 3
    assert dicomweb_client.search(peer, PatientID="nobody") == []


def output(*command: object, check: bool = False, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        env=os.environ | environment,
    )
    said = done.stdout.decode(errors="replace")
    assert not check or done.returncode == 0, said
    return said


Place = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def affine(
    position: object, orientation: object, spacing: tuple[float, float] = (0.8, 1.25)
) -> Place:
    """Where pixel (0, 0) of a slice lies, and the steps to the next column and row, in mm."""
    directions = np.array(orientation, float).reshape(2, 3)
    return np.array(position, float), directions * [[spacing[1]], [spacing[0]]]


def plane_of(enhanced_image: Dataset, index: int) -> Place:
    shared = enhanced_image.SharedFunctionalGroupsSequence[0]
    groups = enhanced_image.PerFrameFunctionalGroupsSequence[index]
    return affine(
        groups.PlanePositionSequence[0].ImagePositionPatient,
        shared.PlaneOrientationSequence[0].ImageOrientationPatient,
    )


def nrrd_points(path: Path) -> npt.NDArray[np.float64]:
    """Where the non-zero voxels of an NRRD volume lie, in mm, as DICOM has left, back and head."""
    header, _, body = path.read_bytes().partition(b"\n\n")
    fields = dict(
        line.split(": ", 1)
        for line in header.decode().splitlines()
        if ": " in line and line[0] != "#"
    )
    assert fields["space"] == "left-posterior-superior"
    if fields["encoding"] == "gzip":
        body = gzip.decompress(body)
    sizes = [int(size) for size in fields["sizes"].split()]
    kind = {"short": "<i2", "unsigned char": "u1", "uchar": "u1", "uint8": "u1"}[fields["type"]]
    voxels = np.frombuffer(body, kind).reshape(sizes[::-1])
    steps = np.array(
        [vector.strip("()").split(",") for vector in fields["space directions"].split()], float
    )
    origin = np.array(fields["space origin"].strip("()").split(","), float)
    return origin + np.argwhere(voxels)[:, ::-1] @ steps


def as_set(points: npt.NDArray[np.float64]) -> set[tuple[int, ...]]:
    return {tuple(point) for point in np.round(points * 100).astype(int).tolist()}
