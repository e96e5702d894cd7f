"""Keeping what comes: once, byte for byte, under the right study and series, or not at all."""

import struct
import zlib
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import MRImageStorage, RawDataStorage

from accounts.models import User
from backend.api.errors import Conflict
from patients.models import Change, Patient
from patients.services import create_patient
from scans import tasks as scans_tasks
from scans.decoding import DecodeError
from scans.models import Instance, Series, Study
from scans.series.header import Header
from scans.series.services import file_instance, note_broken, settle
from scans.series.signals import series_settled
from tests.series.make import as_bytes, make_enhanced, make_series

SLICE = as_bytes(make_series(slices=1)[0])


def file_all(patient: Patient, **kind: Any) -> Series:
    for one in make_series(**kind):
        filed = file_instance(patient=patient, data=as_bytes(one), source="MRT1")
    return filed.instance.series


def test_a_series_is_kept_under_its_study_byte_for_byte(patient: Patient, doctor: User) -> None:
    slices = make_series(slices=3)
    for one in slices:
        filed = file_instance(patient=patient, data=as_bytes(one), source="MRT1", user=doctor)
        assert not filed.already_there
    study, series = Study.objects.get(), Series.objects.get()
    assert (study.uid, study.description) == (slices[0].StudyInstanceUID, "MR Brain")
    assert study.started_at is not None
    assert (series.uid, series.number, series.modality) == (slices[0].SeriesInstanceUID, 3, "MR")
    assert (series.settled_at, series.received_at is None) == (None, False)
    kept = list(Instance.objects.all())
    assert [one.uid for one in kept] == [one.SOPInstanceUID for one in slices]
    assert kept[2].geometry is not None
    assert kept[2].geometry["frames"][0][0] == [-16, -16, 10]
    assert kept[2].file.read() == as_bytes(slices[2])
    assert (kept[2].source, kept[2].received_by) == ("MRT1", doctor)


def test_the_same_object_again_changes_nothing(patient: Patient) -> None:
    series = settle(file_all(patient, slices=2))
    again = file_instance(patient=patient, data=as_bytes(make_series(slices=2)[0]))
    assert again.already_there
    assert Instance.objects.count() == 2
    series.refresh_from_db()
    assert series.settled_at is not None


def test_the_same_uid_with_other_content_is_refused(patient: Patient) -> None:
    file_all(patient, slices=1)
    changed = make_series(slices=1, ContrastBolusAgent="None")[0]
    with pytest.raises(Conflict) as refused:
        file_instance(patient=patient, data=as_bytes(changed))
    assert refused.value.code == "instance_conflict"
    assert Instance.objects.count() == 1


def test_more_frames_than_bytes_are_refused() -> None:
    with pytest.raises(DecodeError) as refused:
        Header.read(as_bytes(make_series(slices=1, NumberOfFrames=100_000)[0]))
    assert refused.value.code == "too_many_frames"


@pytest.mark.parametrize("deflated", [False, True])
def test_sequences_of_millions_of_items_are_not_even_parsed(deflated: bool) -> None:
    data = bytearray(SLICE)
    at = data.index(b"\xe0\x7f\x10\x00OW")
    items = b"\xfe\xff\x00\xe0" + bytes(4)
    data[at:at] = b"\x00\x52\x30\x92SQ\0\0\xff\xff\xff\xff" + items * 300_001
    if deflated:
        (length,) = struct.unpack_from("<I", data, 140)
        packer = zlib.compressobj(wbits=-15)
        data[144 + length :] = packer.compress(bytes(data[144 + length :])) + packer.flush()
        syntax = data.index(b"1.2.840.10008.1.2.1\0")
        data[syntax : syntax + 20] = b"1.2.840.10008.1.2.1.99"
        data[syntax - 2 : syntax] = (22).to_bytes(2, "little")
        struct.pack_into("<I", data, 140, length + 2)
    with pytest.raises(DecodeError) as refused:
        Header.read(bytes(data))
    assert refused.value.code == "too_many_items"


def test_an_image_that_was_cut_before_its_rows_is_no_other_object() -> None:
    rows = SLICE.index(b"\x28\x00\x10\x00US")
    with pytest.raises(DecodeError) as refused:
        Header.read(SLICE[:rows])
    assert refused.value.code == "no_pixel_data"
    raw = SLICE[:rows].replace(MRImageStorage.encode() + b"\0", RawDataStorage.encode())
    assert Header.read(raw).rows is None
    with pytest.raises(DecodeError) as refused:
        Header.read(raw + SLICE[rows : rows + 5])
    assert refused.value.code == "truncated_file"


def test_a_class_that_is_no_uid_is_none(patient: Patient) -> None:
    uid = MRImageStorage.encode()
    (one,) = make_series(slices=1, SOPClassUID=None)
    data = as_bytes(one).replace(uid, uid[:-2] + b"\0" + uid[-1:])
    kept = file_instance(patient=patient, data=data).instance
    assert "\0" not in kept.sop_class_uid


def test_the_same_object_can_stand_in_two_files(patient: Patient, doctor: User) -> None:
    other = create_patient(user=doctor, family_name="Saleh")
    file_all(patient, slices=1)
    file_all(other, slices=1)
    assert Study.objects.count() == Instance.objects.count() == 2


def test_no_file_is_left_of_what_could_not_be_written(patient: Patient) -> None:
    data = as_bytes(make_series(slices=1)[0])
    with (
        patch.object(Instance, "save", side_effect=ConnectionError),
        pytest.raises(ConnectionError),
    ):
        file_instance(patient=patient, data=data)
    assert not Study.objects.exists()
    folders, files = default_storage.listdir(f"patients/{patient.id}/studies")
    assert files == []
    assert all(
        default_storage.listdir(f"patients/{patient.id}/studies/{f}")[1] == [] for f in folders
    )


def test_the_care_team_hears_of_a_series_when_it_begins_and_when_it_is_whole(
    patient: Patient,
) -> None:
    heard: list[Series] = []

    def listen(series: Series, **_: object) -> None:
        heard.append(series)

    series_settled.connect(listen)
    try:
        series = file_all(patient, slices=4, Modality="CT")  # which nobody reads
        settle(series)
        settle(series)
    finally:
        series_settled.disconnect(listen)
    assert heard == [series]
    told = Change.objects.filter(object_id=series.id).values_list("kind", "action")
    assert list(told) == [("series", "created"), ("series", "updated")]


def test_an_enhanced_object_gives_each_frame_a_place(patient: Patient) -> None:
    filed = file_instance(patient=patient, data=as_bytes(make_enhanced(slices=4, between=3)))
    geometry = filed.instance.geometry
    assert filed.instance.frames == 4
    assert geometry is not None
    assert [place[0][2] for place in geometry["frames"]] == [0, 3, 6, 9]
    assert geometry["spacing_mm"] == [1, 1]
    assert filed.instance.facts["acquisition_contrast"] == "T1"


def test_a_settled_series_says_how_it_lies_and_that_it_is_worth_reading(patient: Patient) -> None:
    series = settle(file_all(patient, slices=6, between=4, spacing=(0.5, 0.8)))
    assert (series.plane, series.problems) == ("axial", [])
    assert (series.worth_reading, series.worth_reason) == (True, "T1-weighted, after contrast.")
    facts = series.facts
    assert (facts["slices"], facts["frames"], facts["instances"]) == (6, 6, 6)
    assert (facts["rows"], facts["columns"], facts["spacing_mm"]) == (32, 32, [0.5, 0.8])
    assert (facts["between_mm"], facts["voxel_mm3"]) == (pytest.approx(4), pytest.approx(1.6))
    assert (facts["kind"], facts["manufacturer"]) == ("t1c", "SIEMENS")


def test_a_slice_that_never_came_is_named_until_it_comes(patient: Patient) -> None:
    slices = make_series(slices=6)
    late = slices.pop(2)
    for one in slices:
        series = file_instance(patient=patient, data=as_bytes(one)).instance.series
    assert [p["code"] for p in settle(series).problems] == ["missing_slices"]
    file_instance(patient=patient, data=as_bytes(late))
    series.refresh_from_db()
    assert series.settled_at is None
    assert settle(series).problems == []


def test_a_broken_transfer_is_marked_until_a_whole_one_follows(patient: Patient) -> None:
    series = file_all(patient, slices=3)
    note_broken(series)
    assert [p["code"] for p in settle(series).problems] == ["transfer_broken"]
    note_broken(file_all(patient, slices=3))
    assert [p["code"] for p in settle(series).problems] == ["transfer_broken"]
    assert settle(series, complete=True).problems == []
    note_broken(series)  # of what is whole nothing was missing
    series.refresh_from_db()
    assert series.problems == []


PLAIN: dict[str, Any] = {"name": "plain", "SeriesDescription": "t1_tra", "ContrastBolusAgent": None}


def test_without_contrast_a_series_is_read_only_if_there_is_no_better_one(
    patient: Patient,
) -> None:
    plain = settle(file_all(patient, **PLAIN))
    assert plain.worth_reading
    settle(file_all(patient))
    plain.refresh_from_db()
    assert not plain.worth_reading
    assert plain.worth_reason.endswith("which is read.")


def test_a_better_series_that_is_still_coming_counts(patient: Patient) -> None:
    file_all(patient, slices=1)
    assert not settle(file_all(patient, **PLAIN)).worth_reading


def test_a_series_to_which_nothing_more_comes_is_settled_by_the_sweep(
    patient: Patient, settings: Any
) -> None:
    series = file_all(patient)
    scans_tasks.settle_quiet_series()
    series.refresh_from_db()
    assert series.settled_at is None
    settings.SERIES_QUIET_S = -1
    scans_tasks.settle_quiet_series()
    series.refresh_from_db()
    assert series.settled_at is not None


def test_what_is_made_here_is_never_worth_reading(patient: Patient) -> None:
    for one in make_series():
        filed = file_instance(patient=patient, data=as_bytes(one), ours=True)
    series = settle(filed.instance.series)
    assert (series.ours, series.worth_reading) == (True, False)


def test_headers_that_cannot_be_so_are_refused_with_a_code(patient: Patient) -> None:
    whole = as_bytes(make_series(slices=1)[0])
    broken = {
        "empty_file": b"",
        "unsupported_format": b"no DICOM" * 40,
        "truncated_file": whole[:-10],
        "no_pixel_data": as_bytes(make_series(slices=1, PixelData=None)[0]),
        "missing_uid": as_bytes(make_series(slices=1, SeriesInstanceUID=None)[0]),
        "invalid_uid": as_bytes(make_series(slices=1, StudyInstanceUID="../../etc")[0]),
        "too_many_frames": as_bytes(make_series(slices=1, NumberOfFrames=2**30)[0]),
    }
    for code, data in broken.items():
        with pytest.raises(DecodeError) as refused:
            file_instance(patient=patient, data=data)
        assert refused.value.code == code
    assert not Study.objects.exists()


def test_absurd_values_are_left_out_of_a_header() -> None:
    odd = make_series(slices=1, Rows=0, InstanceNumber=2**31 - 1)[0]
    odd.PixelSpacing = [0, 1e9]
    odd.ImageOrientationPatient = [1, 0, 0, 1, 0, 0]
    odd.PatientBirthDate = "19000231"
    odd.StudyDate = "today"
    header = Header.read(as_bytes(odd))
    assert (header.rows, header.geometry, header.birth_date, header.studied_at) == (None,) * 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=12), st.integers(0, 3000))
def test_damaged_headers_are_read_or_refused(at: int, damage: bytes, end: int) -> None:
    data = bytearray(SLICE)
    data[at : at + len(damage)] = damage
    with suppress(DecodeError):
        assert Header.read(bytes(data[: len(data) - end])).instance_uid
