"""Searching and retrieving over DICOMweb."""

from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from patients.models import Patient, PatientIdentifier
from patients.services import create_patient
from scans.models import Instance
from scans.series.services import file_instance
from tests.series.make import as_bytes, make_enhanced, make_series, uid

STUDY = uid("study", "1")
SERIES = uid("series", "1", "1")
ROOT = "/dicomweb/studies"
HERE = f"{ROOT}/{STUDY}/series/{SERIES}"


def file_all(patient: Patient, *datasets: Dataset, **options: Any) -> list[Instance]:
    return [file_instance(patient=patient, data=as_bytes(d), **options).instance for d in datasets]


@pytest.fixture
def slices(patient: Patient) -> list[Dataset]:
    PatientIdentifier.objects.create(patient=patient, issuer="Hospital", value="P-17")
    series = make_series(slices=3)
    file_all(patient, *series)
    return series


def value(found: dict[str, Any], tag: str) -> Any:
    values = found[tag].get("Value")
    return values[0] if values and len(values) == 1 else values


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def parts_of(answer: Any) -> list[tuple[str, bytes]]:
    """Split an answer of several parts by another's parser: (Content-Type, content)."""
    body = content(answer) if answer.streaming else answer.content
    head = f"Content-Type: {answer['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP.clone(max_line_length=None)).parsebytes(head + body)
    parts: list[Any] = list(message.iter_parts())
    return [
        (part["Content-Type"].replace('"', ""), part.get_payload(decode=True)) for part in parts
    ]


# --- Search ---------------------------------------------------------------------------------


def test_a_study_is_found_with_what_is_in_it(as_doctor: APIClient, slices: list[Dataset]) -> None:
    (study,) = as_doctor.get("/dicomweb/studies").json()
    assert value(study, "0020000D") == STUDY
    assert value(study, "00080020") == "20240501"
    assert value(study, "00080030") == "101500"
    assert value(study, "00080061") == "MR"
    assert value(study, "00100010") == {"Alphabetic": "Haddad^Rana"}
    assert value(study, "00100020") == "P-17"
    assert value(study, "00100040") == "F"
    assert (value(study, "00201206"), value(study, "00201208")) == (1, 3)
    assert value(study, "00081190") == f"http://testserver{ROOT}/{STUDY}"
    assert list(study) == sorted(study)


def test_series_and_instances_are_found_below_their_study_and_across(
    as_doctor: APIClient, slices: list[Dataset]
) -> None:
    for url in (f"{ROOT}/{STUDY}/series", "/dicomweb/series"):
        (series,) = as_doctor.get(url).json()
        assert (value(series, "0020000E"), value(series, "00201209")) == (SERIES, 3)
    for url in (f"{HERE}/instances", f"{ROOT}/{STUDY}/instances", "/dicomweb/instances"):
        found = as_doctor.get(url).json()
        assert [value(one, "00200013") for one in found] == [1, 2, 3]
        assert value(found[0], "00080018") == slices[0].SOPInstanceUID
        assert (value(found[0], "00280010"), value(found[0], "00280011")) == (32, 32)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"StudyInstanceUID={STUDY}", 1),
        (f"StudyInstanceUID=1.2.3,{STUDY}", 1),
        (f"0020000D=1.2.3%5C{STUDY}", 1),
        ("StudyInstanceUID=1.2.3", 0),
        ("PatientID=P-17", 1),
        ("00100020=P-1%3F", 1),
        ("PatientID=P-1", 0),
        ("PatientID=P%25", 0),
        ("IssuerOfPatientID=Hospital", 1),
        ("PatientName=Haddad%5ERana", 1),
        ("PatientName=haddad", 1),
        ("PatientName=had*", 1),
        ("PatientName=*Rana*", 1),
        ("PatientName=Rana", 0),
        ("PatientName=*&fuzzymatching=false", 1),
        ("PatientSex=F", 1),
        ("PatientSex=M", 0),
        ("StudyDate=20240501", 1),
        ("StudyDate=20240430-20240501", 1),
        ("StudyDate=-20240430", 0),
        ("StudyDate=20240502-", 0),
        ("StudyTime=1000-1100", 1),
        ("StudyTime=10", 1),
        ("StudyTime=11-", 0),
        ("AccessionNumber=A1", 1),
        ("AccessionNumber=B*", 0),
        ("ModalitiesInStudy=MR", 1),
        ("ModalitiesInStudy=SEG,CT", 0),
        ("StudyDescription=MR*", 1),
        ("includefield=all&includefield=00081030,00100010&limit=5&offset=0", 1),
        ("includefield=StudyDescription,00091001", 1),
        ("includefield=RequestAttributesSequence.00400009", 1),
        ("offset=1", 0),
        ("PatientID=", 1),
    ],
)
def test_matching_of_studies(
    as_doctor: APIClient, slices: list[Dataset], query: str, count: int
) -> None:
    answer = as_doctor.get(f"/dicomweb/studies?{query}")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()) == count


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"SeriesInstanceUID={SERIES}", 3),
        ("Modality=MR", 3),
        ("Modality=CT", 0),
        ("SeriesNumber=3", 3),
        ("InstanceNumber=2", 1),
        ("SOPInstanceUID=" + uid("instance", "1.1.0"), 1),
        ("SOPClassUID=1.2.840.10008.5.1.4.1.1.4", 3),
        ("PatientName=Nobody", 0),
        ("StudyDate=20200101", 0),
    ],
)
def test_matching_of_instances(
    as_doctor: APIClient, slices: list[Dataset], query: str, count: int
) -> None:
    assert len(as_doctor.get(f"/dicomweb/instances?{query}").json()) == count


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Nonsense=1", "unknown_attribute"),
        ("includefield=Nonsense", "unknown_attribute"),
        ("includefield=StudyDate,0008103", "unknown_attribute"),
        ("includefield=RequestAttributesSequence.Nonsense", "unknown_attribute"),
        ("includefield=", "unknown_attribute"),
        ("99999999.00080050=1", "unsupported_attribute"),
        ("ReferringPhysicianName=House", "unsupported_attribute"),
        ("RequestAttributesSequence.ScheduledProcedureStepID=1", "unsupported_attribute"),
        ("Modality=MR", "wrong_level"),
        ("StudyDate=yesterday", "invalid_value"),
        ("StudyDate=20240231", "invalid_value"),
        ("StudyDate=-", "invalid_value"),
        ("StudyTime=25", "invalid_value"),
        ("StudyInstanceUID=1.x", "invalid_value"),
        ("PatientName=%00", "invalid_value"),
        ("limit=-1", "invalid_value"),
        ("offset=many", "invalid_value"),
    ],
)
def test_a_condition_that_is_not_understood_is_never_left_out(
    as_doctor: APIClient, query: str, code: str
) -> None:
    answer = as_doctor.get(f"/dicomweb/studies?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_page_says_how_much_more_there_is(as_doctor: APIClient, slices: list[Dataset]) -> None:
    answer = as_doctor.get("/dicomweb/instances?limit=2&fuzzymatching=true")
    assert len(answer.json()) == 2
    assert "There are 1 additional results" in answer["Warning"]
    assert "fuzzymatching" in answer["Warning"]
    assert "Warning" not in as_doctor.get("/dicomweb/instances?limit=2&offset=1").headers


def test_searching_takes_as_many_queries_for_many_as_for_one(
    as_doctor: APIClient, doctor: User, slices: list[Dataset]
) -> None:
    def queries() -> list[int]:
        counts = []
        for url in ("studies", "series", "instances"):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                as_doctor.get(f"/dicomweb/{url}")
            counts.append(len(captured))
        return counts

    once = queries()
    for number in range(3):
        other = create_patient(user=doctor, family_name=f"Khoury {number}")
        file_all(other, *make_series(slices=2, study=f"s{number}", name=f"n{number}"))
    assert len(as_doctor.get("/dicomweb/studies").json()) == 4
    assert queries() == once
    assert max(once) <= 6


@pytest.mark.parametrize("accept", ["application/dicom+xml", "multipart/related; type=a/b", "x"])
def test_other_forms_than_json_are_not_had(as_doctor: APIClient, accept: str) -> None:
    assert as_doctor.get("/dicomweb/studies", headers={"Accept": accept}).status_code == 406


# --- Retrieve -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [f"{ROOT}/{STUDY}", HERE])
def test_objects_come_as_they_were_stored(
    as_doctor: APIClient, slices: list[Dataset], url: str
) -> None:
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    answer = as_doctor.get(url, headers={"Accept": accept})
    assert answer.status_code == 200
    parts = parts_of(answer)
    assert [data for _, data in parts] == [as_bytes(one) for one in slices]
    assert parts[0][0] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"


def test_one_object_comes_without_a_frame_too(as_doctor: APIClient, slices: list[Dataset]) -> None:
    url = f"{HERE}/instances/{slices[1].SOPInstanceUID}"
    single = as_doctor.get(url, headers={"Accept": "application/dicom"})
    assert content(single) == as_bytes(slices[1])
    assert as_doctor.get(HERE, headers={"Accept": "application/dicom"}).status_code == 406


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_whoever_asks_for_nothing_else_gets_explicit_little_endian(
    as_doctor: APIClient, patient: Patient, syntax: UID
) -> None:
    (plain,) = make_series(slices=1)
    (sent,) = make_series(slices=1)
    if syntax == RLELossless:
        sent.compress(RLELossless, generate_instance_uid=False)
    sent.file_meta.TransferSyntaxUID = syntax
    (instance,) = file_all(patient, sent)
    url = f"{HERE}/instances/{instance.uid}"
    kind = "application/dicom; transfer-syntax"
    answer = as_doctor.get(url, headers={"Accept": "application/dicom"})
    assert answer["Content-Type"] == f"{kind}=1.2.840.10008.1.2.1"
    got = pydicom.dcmread(BytesIO(content(answer)))
    assert got.PixelData == plain.PixelData
    assert got.PatientName == plain.PatientName
    answer = as_doctor.get(url, headers={"Accept": f"{kind}=*"})
    assert answer["Content-Type"] == f"{kind}={syntax}"
    frames = as_doctor.get(
        f"{url}/frames/1", headers={"Accept": "multipart/related; type=application/octet-stream"}
    )
    assert [data for _, data in parts_of(frames)] == [plain.PixelData]


def test_metadata_say_what_the_header_says_and_where_the_bulk_is(
    as_doctor: APIClient, patient: Patient
) -> None:
    (dataset,) = make_series(slices=1)
    dataset.add_new(0x00091001, "OB", bytes(5000))
    dataset.ReferencedImageSequence = [Dataset()]
    dataset.ReferencedImageSequence[0].add_new(0x00091002, "OB", b"ab" * 5000)
    dataset.add_new(0x00189087, "FD", float("nan"))
    file_all(patient, dataset)
    answer = as_doctor.get(f"{HERE}/metadata")
    (found,) = answer.json()
    assert value(found, "00100010") == {"Alphabetic": "Haddad^Rana"}
    assert value(found, "00200032") == [-16.0, -16.0, 0.0]
    assert value(found, "00189087") == "NaN"
    here = f"http://testserver{HERE}/instances/{dataset.SOPInstanceUID}/bulkdata"
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{here}/7FE00010"}
    assert found["00091001"] == {"vr": "OB", "BulkDataURI": f"{here}/00091001"}
    nested = found["00081140"]["Value"][0]["00091002"]["BulkDataURI"]
    assert as_doctor.get(nested).content == b"ab" * 5000
    pixels = as_doctor.get(f"{here}/7FE00010", headers={"Accept": "application/octet-stream"})
    assert pixels.content == dataset.PixelData
    for missing in ("00091009", "00081140/7/00091002", "junk", "00081140"):
        assert as_doctor.get(f"{here}/{missing}").status_code == 404
    again = as_doctor.get(f"{HERE}/metadata", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_frames_of_an_enhanced_object(as_doctor: APIClient, patient: Patient) -> None:
    enhanced = make_enhanced(slices=4)
    (instance,) = file_all(patient, enhanced)
    url = f"{ROOT}/{STUDY}/series/{enhanced.SeriesInstanceUID}/instances/{instance.uid}/frames"
    accept = {"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}
    size = 32 * 32 * 2
    parts = parts_of(as_doctor.get(f"{url}/3,1", headers=accept))
    pixels = enhanced.PixelData
    assert [data for _, data in parts] == [pixels[2 * size : 3 * size], pixels[:size]]
    one = as_doctor.get(f"{url}/2", headers={"Accept": "application/octet-stream"})
    assert one.content == pixels[size : 2 * size]
    for numbers, status in (("5", 404), ("0", 400), ("1,,2", 400), ("x", 400)):
        assert as_doctor.get(f"{url}/{numbers}", headers=accept).status_code == status


def test_frames_of_single_bits_begin_with_a_byte_of_their_own(
    as_doctor: APIClient, patient: Patient
) -> None:
    masks = np.random.default_rng(0).integers(0, 2, (5, 3, 5), np.uint8)
    (sent,) = make_series(slices=1, rows=3, columns=5)
    sent.NumberOfFrames, sent.BitsAllocated, sent.BitsStored, sent.HighBit = 5, 1, 1, 0
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    sent.PixelData = packed + b"\0" * (len(packed) % 2)
    (instance,) = file_all(patient, sent)
    url = f"{HERE}/instances/{instance.uid}"
    accept = {"Accept": "multipart/related; type=application/octet-stream"}
    for index, (_, data) in enumerate(
        parts_of(as_doctor.get(f"{url}/frames/1,2,3,4,5", headers=accept))
    ):
        assert len(data) == 2
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:15]
        assert (bits.reshape(3, 5) == masks[index]).all()
    whole = as_doctor.get(
        f"{url}/bulkdata/7FE00010", headers={"Accept": "application/octet-stream"}
    )
    assert whole.content == sent.PixelData


def test_compressed_frames_come_as_stored_to_those_who_take_them(
    as_doctor: APIClient, patient: Patient
) -> None:
    (sent,) = make_series(slices=1)
    plain = sent.PixelData
    sent.compress(RLELossless, generate_instance_uid=False)
    (instance,) = file_all(patient, sent)
    url = f"{HERE}/instances/{instance.uid}/frames/1"

    def ask(part: str) -> tuple[str, bytes]:
        answer = as_doctor.get(url, headers={"Accept": f"multipart/related; {part}"})
        (found,) = parts_of(answer)
        return found

    stored = pydicom.encaps.get_frame(sent.PixelData, 0)
    rle = f"transfer-syntax={RLELossless}"
    assert ask('type="application/octet-stream"; transfer-syntax=*') == (
        f"application/octet-stream; {rle}",
        stored,
    )
    assert ask('type="image/dicom-rle"') == (f"image/dicom-rle; {rle}", stored)
    assert ask("type=application/octet-stream")[1] == plain
    refused = as_doctor.get(url, headers={"Accept": "multipart/related; type=image/jls"})
    assert refused.status_code == 406


def test_rendered_pictures_have_the_window_and_size_asked_for(
    as_doctor: APIClient, slices: list[Dataset]
) -> None:
    url = f"{HERE}/instances/{slices[1].SOPInstanceUID}"

    def picture(query: str, accept: str = "image/png") -> Image.Image:
        answer = as_doctor.get(f"{url}/{query}", headers={"Accept": accept})
        assert answer["Content-Type"] == accept, answer.content
        return Image.open(BytesIO(answer.content))

    plain = np.asarray(picture("rendered"))
    assert plain.shape == (32, 32)
    assert plain.max() > 200
    dark = np.asarray(picture("rendered?window=4000,100,linear"))
    exact = np.asarray(picture("frames/1/rendered?window=450,900,linear-exact"))
    stored = slices[1].pixel_array
    assert dark.max() <= plain.max()
    assert np.abs(exact - np.clip(stored / 900 * 255, 0, 255)).max() <= 1
    assert picture("rendered?viewport=64,100").size == (64, 64)
    assert picture("rendered?viewport=16,16,0,0,8,8").size == (16, 16)
    assert picture("thumbnail", "image/jpeg").size == (128, 128)
    thumbnail = as_doctor.get(f"{ROOT}/{STUDY}/thumbnail", headers={"Accept": "image/*"})
    assert thumbnail["Content-Type"] == "image/jpeg"
    for query in (
        "window=1",
        "window=a,b,linear",
        "viewport=0,5",
        "quality=0",
        "viewport=9,9,40,40,1,1",
    ):
        assert as_doctor.get(f"{url}/rendered?{query}").status_code == 400
    assert as_doctor.get(f"{url}/rendered", headers={"Accept": "image/gif"}).status_code == 406
    assert as_doctor.get(f"{url}/rendered?accept=image/png")["Content-Type"] == "image/png"


# --- Who sees what --------------------------------------------------------------------------


def test_each_study_is_open_to_whom_its_patient_is(
    api: Callable[[User | None], APIClient],
    doctor: User,
    other_doctor: User,
    admin: User,
    slices: list[Dataset],
) -> None:
    theirs = create_patient(user=other_doctor, family_name="Saad")
    file_all(theirs, *make_series(slices=1, study="2", name="2"))

    def studies(user: User) -> set[Any]:
        return {value(one, "0020000D") for one in api(user).get("/dicomweb/studies").json()}

    second = uid("study", "2")
    assert studies(doctor) == {STUDY}
    assert studies(other_doctor) == {second}
    assert studies(admin) == {STUDY, second}
    for path in ("", "/metadata", "/thumbnail"):
        assert api(doctor).get(f"{ROOT}/{second}{path}").status_code == 404
    assert api(doctor).get(f"{ROOT}/{second}/series").json() == []
    refused = Event.objects.filter(action="refused", patient_id=theirs.pk)
    assert refused.count() == 3
    assert api(doctor).get(f"{ROOT}/{STUDY}/series/1.2.3/metadata").status_code == 404
    looked = Event.objects.get(action="series.metadata")
    assert (looked.user_id, looked.why) == (doctor.pk, "team")
    assert Event.objects.filter(action="refused").count() == 3


def test_a_study_of_two_patients_is_never_shown_as_one(
    as_doctor: APIClient, doctor: User, slices: list[Dataset]
) -> None:
    other = create_patient(user=doctor, family_name="Saad")
    file_all(other, *make_series(slices=1, name="2"))
    assert len(as_doctor.get("/dicomweb/studies").json()) == 2
    answer = as_doctor.get(f"{ROOT}/{STUDY}/metadata")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_study")


def test_volumes_that_are_not_dicom_are_left_out(
    as_doctor: APIClient, slices: list[Dataset]
) -> None:
    Instance.objects.update(format=Instance.Format.NIFTI)
    assert as_doctor.get("/dicomweb/studies").json() == []
    assert as_doctor.get(f"{ROOT}/{STUDY}").status_code == 404
