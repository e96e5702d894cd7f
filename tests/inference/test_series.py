"""Readings of whole series: from settled to the history, reviewed, read again when more comes."""

from typing import Any
from unittest.mock import patch
from uuid import UUID

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from inference import jobs, runs
from inference.models import SeriesAnalysis, SeriesReview
from inference.series import masks
from inference.series import runs as series_runs
from inference.series.signals import series_read, series_reviewed
from patients.models import HistoryEntry, Patient
from scans.models import Series
from scans.series.services import choose, file_instance, settle
from tests.inference.series_of import filed, series_of
from tests.series.make import as_bytes

GLIOMA = ("no_tumor", "glioma", "glioma", "")


def newest(series: Series) -> SeriesAnalysis:
    return SeriesAnalysis.objects.filter(series=series).latest("created_at")


@pytest.fixture
def series(patient: Patient) -> Series:
    return filed(patient, series_of(*GLIOMA))


@pytest.fixture
def read_once(series: Series) -> SeriesAnalysis:
    series_runs.run(newest(series).id)
    return newest(series)


def test_a_series_that_is_whole_is_read_and_stands_in_the_history(
    as_doctor: APIClient, series: Series, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[SeriesAnalysis] = []

    def hear(sender: type, analysis: SeriesAnalysis, **_: Any) -> None:
        heard.append(analysis)

    series_read.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        series_runs.run(newest(series).id)
    analysis = newest(series)
    assert [one.id for one in heard] == [analysis.id]

    body = as_doctor.get(reverse("series-analysis", args=[analysis.id])).json()
    assert (body["status"], body["label"]) == ("done", "glioma")
    assert (body["slices_done"], body["slices_total"]) == (4, 4)
    uids = list(series.instances.order_by("number").values_list("uid", flat=True))
    assert [one["instance"] for one in body["slices"]] == uids
    assert [one["area_px"] > 0 for one in body["slices"]] == [False, True, True, False]
    assert not body["slices"][3]["accepted"]
    measured = body["measurements"]
    area_mm2 = sum(one["area_mm2"] for one in body["slices"] if one["area_mm2"])
    assert measured["volume_ml"] == pytest.approx(area_mm2 * 5 / 1000, abs=0.01)
    assert measured["largest_slice"] in (1, 2)

    found = masks.load(analysis)
    assert found.shape == (4, 256, 256)
    assert found.sum(axis=(1, 2)).tolist() == [one["area_px"] for one in body["slices"]]
    assert np.array_equal(masks.load_slice(analysis, 1), found[1])

    entry = HistoryEntry.objects.get()
    assert entry.title.startswith("Glioma")
    assert entry.data["series"] == str(series.id)
    assert as_doctor.get(entry.data["overlay"])["Content-Type"] == "image/png"
    series_runs.run(analysis.id)
    assert HistoryEntry.objects.count() == 1


def test_one_outlined_slice_between_others_is_no_tumour(patient: Patient) -> None:
    series = filed(patient, series_of("no_tumor", "glioma", "no_tumor"))
    series_runs.run(newest(series).id)
    analysis = newest(series)
    assert analysis.label == "no_tumor"
    assert analysis.measurements is not None
    assert analysis.measurements["volume_ml"] is None
    assert "outline_not_counted" in {reason["code"] for reason in analysis.slices[1]["reasons"]}
    assert not masks.load(analysis).any()


def test_a_series_without_a_head_is_rejected_with_the_reason(patient: Patient) -> None:
    series = filed(patient, series_of("", "", ""))
    series_runs.run(newest(series).id)
    analysis = newest(series)
    assert (analysis.status, analysis.error_code) == ("rejected", "blank_image")
    assert not HistoryEntry.objects.exists()


def test_a_reading_of_a_part_of_a_series_says_so(patient: Patient) -> None:
    slices = series_of("", "", "", "")
    del slices[1]
    for one in slices:
        instance = file_instance(patient=patient, data=as_bytes(one)).instance
    settle(instance.series, complete=False)
    series_runs.run(newest(instance.series).id)
    codes = [reason["code"] for reason in newest(instance.series).reasons]
    assert codes[-2:] == ["missing_slices", "transfer_broken"]


def test_only_what_is_worth_it_or_chosen_is_read(patient: Patient) -> None:
    localizer = filed(patient, series_of(*GLIOMA, SeriesDescription="localizer", name="2"))
    if localizer.worth_reading:
        choose(series=localizer, chosen=False)
        SeriesAnalysis.objects.all().delete()
    assert not localizer.analyses.exists()
    choose(series=localizer, chosen=True)
    assert localizer.analyses.count() == 1


def test_slices_that_come_while_a_series_is_read_are_read_after_it(patient: Patient) -> None:
    datasets = series_of(*GLIOMA)
    series = filed(patient, datasets[:3])
    first = jobs.claim(SeriesAnalysis, newest(series).id, "series__study__patient")
    assert first is not None
    filed(patient, datasets[3:])
    assert series.analyses.count() == 1  # never two at once

    jobs.carry_out(first, series_runs.read_and_finish)
    series_runs.services.read_what_came_since(first)
    assert series.analyses.count() == 2
    series_runs.run(newest(series).id)
    assert newest(series).slices_total == 4
    assert series.analyses.count() == 2


def test_progress_is_told_and_renews_the_lease(series: Series) -> None:
    analysis = jobs.claim(SeriesAnalysis, newest(series).id, "series__study__patient")
    assert analysis is not None
    due_at = analysis.due_at
    with patch("inference.series.runs._TELL_EVERY_S", 0):
        series_runs.Progress(analysis)(2, 4)
    analysis.refresh_from_db()
    assert (analysis.slices_done, analysis.slices_total) == (2, 4)
    assert analysis.due_at > due_at


def test_a_worker_that_was_given_up_on_stops_at_the_next_step(series: Series) -> None:
    analysis = jobs.claim(SeriesAnalysis, newest(series).id, "series__study__patient")
    assert analysis is not None
    SeriesAnalysis.objects.update(run_id=UUID(int=1))
    jobs.carry_out(analysis, series_runs.read_and_finish)
    assert newest(series).status == "running"
    assert not HistoryEntry.objects.exists()


def test_a_lost_worker_is_replaced(series: Series) -> None:
    jobs.claim(SeriesAnalysis, newest(series).id)
    SeriesAnalysis.objects.update(due_at=newest(series).created_at)
    with patch("inference.services.current_app.send_task") as sent:
        runs.sweep()
    assert newest(series).status == "queued"
    assert sent.call_args.args == ("inference.run_series_analysis",)


def test_a_doctors_answer_counts_and_the_next_must_have_seen_it(
    as_doctor: APIClient, read_once: SeriesAnalysis, django_capture_on_commit_callbacks: Any
) -> None:
    url = reverse("series-reviews", args=[read_once.id])
    heard: list[SeriesReview] = []

    def hear(sender: type, analysis: SeriesAnalysis, review: SeriesReview, **_: Any) -> None:
        heard.append(review)

    series_reviewed.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_doctor.post(url, {"decision": "corrected", "label": "meningioma"})
    assert answer.status_code == 201, answer.content
    assert [one.label for one in heard] == ["meningioma"]
    late = as_doctor.post(url, {"decision": "confirmed"})
    assert (late.status_code, late.json()["code"]) == (409, "review_conflict")
    answer = as_doctor.post(url, {"decision": "rejected", "comment": "Moved.", "supersedes": 1})
    assert answer.status_code == 201
    assert [one["version"] for one in as_doctor.get(url).json()["results"]] == [2, 1]
    body = as_doctor.get(reverse("series-analysis", args=[read_once.id])).json()
    assert body["review"]["status"] == "rejected"
    entry = HistoryEntry.objects.get()
    assert entry.title == "Reading rejected"
    assert entry.data["label"] == "glioma"
    assert entry.versions.count() == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"decision": "corrected"}, "required"),
        ({"decision": "corrected", "label": "glioma"}, "nothing_corrected"),
        ({"decision": "confirmed", "label": "glioma"}, "only_with_corrected"),
    ],
)
def test_a_review_says_what_goes_with_its_decision(
    as_doctor: APIClient, series: Series, body: dict[str, str], code: str
) -> None:
    SeriesAnalysis.objects.update(status="done", label="glioma")
    answer = as_doctor.post(reverse("series-reviews", args=[newest(series).id]), body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_series_is_read_again_by_a_chosen_release(
    as_doctor: APIClient, read_once: SeriesAnalysis, doctor: User
) -> None:
    listed = as_doctor.get(reverse("releases")).json()
    (active,) = [one for one in listed if one["active"]]
    assert active["name"] == read_once.release
    url = reverse("series-analyses", args=[read_once.series_id])
    refused = as_doctor.post(url, {"release": "1999.1"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_release")
    again = as_doctor.post(url, {"release": active["name"]})
    assert (again.status_code, again.json()["release_wanted"]) == (201, active["name"])
    assert as_doctor.post(url).json()["code"] == "analysis_in_progress"
    cancelled = as_doctor.post(reverse("series-analysis-cancel", args=[again.json()["id"]]))
    assert cancelled.json()["status"] == "cancelled"
    assert len(as_doctor.get(url).json()["results"]) == 2


def test_one_slices_mask_is_a_picture_of_its_size(
    as_doctor: APIClient, read_once: SeriesAnalysis
) -> None:
    answer = as_doctor.get(reverse("series-analysis-mask", args=[read_once.id, 1]))
    assert answer["Content-Type"] == "image/png"
    missing = as_doctor.get(reverse("series-analysis-mask", args=[read_once.id, 4]))
    assert missing.status_code == 404
    packed = as_doctor.get(reverse("series-analysis-masks", args=[read_once.id]))
    assert packed.content[:2] == b"PK"


def test_the_admin_site_shows_and_cancels_them(admin_site: Client, series: Series) -> None:
    analysis = newest(series)
    page = "admin:inference_seriesanalysis_change"
    assert admin_site.get(reverse(f"{page}list")).status_code == 200
    assert admin_site.get(reverse(page, args=[analysis.id])).status_code == 200
    form = {"action": "cancel", "_selected_action": [str(analysis.id)]}
    admin_site.post(reverse(f"{page}list"), form)
    assert newest(series).status == "cancelled"
