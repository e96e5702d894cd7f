"""Keeping what comes: once, byte for byte, under the right study and series, or not at all."""

from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage

from accounts.models import User
from backend.api.errors import Conflict
from patients.models import Change, Patient
from patients.services import create_patient
from scans.models import Instance, Series, Study
from scans.series.services import file_instance, settle
from scans.series.signals import series_settled
from tests.series.make import as_bytes, make_enhanced, make_series


def file_all(patient: Patient, **kind: object) -> Series:
    for one in make_series(**kind):  # type: ignore[arg-type]
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
        series = file_all(patient, slices=4)
        settle(series)
        settle(series)
    finally:
        series_settled.disconnect(listen)
    assert heard == [series]
    told = Change.objects.filter(kind=Change.Kind.SERIES).values_list("object_id", "action")
    assert list(told) == [(series.id, "created"), (series.id, "updated")]


def test_an_enhanced_object_gives_each_frame_a_place(patient: Patient) -> None:
    filed = file_instance(patient=patient, data=as_bytes(make_enhanced(slices=4, between=3)))
    geometry = filed.instance.geometry
    assert filed.instance.frames == 4
    assert geometry is not None
    assert [place[0][2] for place in geometry["frames"]] == [0, 3, 6, 9]
    assert geometry["spacing_mm"] == [1, 1]
    assert filed.instance.facts["acquisition_contrast"] == "T1"
