"""What clients see of studies and series, and what a doctor can choose."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pydicom.uid import ComprehensiveSRStorage
from rest_framework.test import APIClient

from patients.models import Patient
from scans.models import Series
from scans.series.services import file_instance, settle
from scans.series.signals import series_settled
from tests.series.make import as_bytes, make_series


@pytest.fixture
def series(patient: Patient) -> Series:
    return filed(patient)


@pytest.fixture
def heard() -> Iterator[list[bool | None]]:
    """What doctors chose, as told to who listens."""
    found: list[bool | None] = []

    def listen(series: Series, **_: object) -> None:
        found.append(series.chosen)

    series_settled.connect(listen)
    yield found
    series_settled.disconnect(listen)


def filed(patient: Patient, **kind: Any) -> Series:
    for one in make_series(**kind):
        instance = file_instance(patient=patient, data=as_bytes(one)).instance
    return settle(instance.series)


def test_a_patients_studies_are_listed_newest_first(as_doctor: APIClient, patient: Patient) -> None:
    for study in "123":
        filed(patient, slices=1, study=study)
    url = reverse("studies", args=[patient.id])
    first = as_doctor.get(url, {"page_size": 2}).json()
    rest = as_doctor.get(first["next"]).json()
    shown = [study["accession_number"] for study in first["results"] + rest["results"]]
    assert shown == ["A3", "A2", "A1"]
    assert (first["results"][0]["series_count"], first["results"][0]["modalities"]) == (1, ["MR"])


def test_a_study_has_all_its_series_whatever_their_number_in_few_queries(
    as_doctor: APIClient, patient: Patient
) -> None:
    for name in "abcd":
        made = filed(patient, slices=2, name=name)
    with CaptureQueriesContext(connection) as queries:
        study = as_doctor.get(reverse("study", args=[made.study_id])).json()
    assert [one["instances"] for one in study["series"]] == [2, 2, 2, 2]
    assert study["started_at"] == "2024-05-01T10:15:00Z"
    assert len(queries) <= 5


def test_a_picture_sent_alone_is_no_study(
    as_doctor: APIClient, patient: Patient, queued: Any
) -> None:
    assert as_doctor.get(reverse("studies", args=[patient.id])).json()["results"] == []
    alone = queued.scan.series
    assert as_doctor.get(reverse("series", args=[alone.pk])).status_code == 404


def test_a_series_is_not_sent_again_while_nothing_changed(
    as_doctor: APIClient, series: Series
) -> None:
    url = reverse("series", args=[series.pk])
    first = as_doctor.get(url)
    assert first.json()["problems"] == []
    assert as_doctor.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    late = make_series(slices=7)[6]
    file_instance(patient=series.study.patient, data=as_bytes(late))
    assert as_doctor.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_doctor_chooses_and_who_reads_series_is_told(
    as_doctor: APIClient, series: Series, heard: list[bool | None]
) -> None:
    url = reverse("series", args=[series.pk])
    tag = as_doctor.get(url)["ETag"]
    chosen = as_doctor.patch(url, {"chosen": False}, headers={"If-Match": tag})
    assert (chosen.status_code, chosen.json()["chosen"]) == (200, False)
    late = as_doctor.patch(url, {"chosen": True}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    assert late.json()["current"]["chosen"] is False
    taken_back = as_doctor.patch(url, {"chosen": None}, headers={"If-Match": chosen["ETag"]})
    assert taken_back.json()["chosen"] is None
    assert heard == [False, None]


def test_without_knowing_the_version_nothing_is_chosen(
    as_doctor: APIClient, series: Series
) -> None:
    answer = as_doctor.patch(reverse("series", args=[series.pk]), {"chosen": True})
    assert answer.status_code == 428


def test_what_was_made_here_cannot_be_chosen(as_doctor: APIClient, patient: Patient) -> None:
    [one] = make_series(slices=1)
    ours = file_instance(patient=patient, data=as_bytes(one), ours=True).instance.series
    url = reverse("series", args=[ours.pk])
    answer = as_doctor.patch(url, {"chosen": True}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (400, "made_here")


def test_instances_come_with_their_places_and_originals(
    as_doctor: APIClient, series: Series
) -> None:
    listed = as_doctor.get(reverse("series-instances", args=[series.pk])).json()["results"]
    assert [one["number"] for one in listed] == [1, 2, 3, 4, 5]
    assert listed[1]["geometry"]["frames"][0][0] == [-16, -16, 5]
    answer = as_doctor.get(listed[1]["file"])
    assert answer["Content-Type"] == "application/dicom"
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert data == as_bytes(make_series()[1])


def test_a_series_that_is_no_picture_has_no_thumbnail(
    as_doctor: APIClient, patient: Patient
) -> None:
    nothing = {"Rows": None, "Columns": None, "PixelData": None}
    report = filed(patient, slices=1, SOPClassUID=ComprehensiveSRStorage, Modality="SR", **nothing)
    assert as_doctor.get(reverse("series-thumbnail", args=[report.pk])).status_code == 404
    assert report.worth_reason == "It is SR, not MR."


def test_a_file_that_is_gone_from_the_storage_is_not_found(
    as_doctor: APIClient, series: Series
) -> None:
    for instance in series.instances.all():
        instance.file.storage.delete(str(instance.file.name))
    study = f"/dicomweb/studies/{series.study.uid}"
    addresses = [
        reverse("series-thumbnail", args=[series.pk]),
        reverse("instance-file", args=[instance.pk]),
        f"{study}/metadata",
        f"{study}/series/{series.uid}/instances/{instance.uid}/frames/1",
    ]
    assert [as_doctor.get(address).status_code for address in addresses] == [404] * 4
