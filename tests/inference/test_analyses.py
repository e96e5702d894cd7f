"""An analysis as a client sees it, from queued to the entry in the patient's history."""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from inference import runs
from inference.engine.engine import Engine
from inference.engine.openvino_backend import OpenVINOBackend
from inference.models import Analysis
from inference.services import upload_and_analyse
from patients.models import HistoryEntry, Patient
from tests.samples import sample

CLASSES = ["glioma", "meningioma", "pituitary", "no_tumor"]


def read(user: User, patient: Patient, data: bytes) -> Analysis:
    analysis = upload_and_analyse(
        user=user, patient=patient, file=SimpleUploadedFile("slice", data)
    )
    runs.run(analysis.id)
    analysis.refresh_from_db()
    return analysis


def test_a_finished_analysis_has_everything(as_doctor: APIClient, done: Analysis) -> None:
    body = as_doctor.get(reverse("analysis", args=[done.id])).json()
    assert body["status"] == "done"
    assert body["error"] is None
    assert list(body["probabilities"]) == CLASSES
    assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert body["label"] == max(body["probabilities"], key=body["probabilities"].get)
    assert body["release"]
    assert {"decode", "accept", "classify", "segment", "total"} <= set(body["elapsed_ms"])
    assert body["created_at"] <= body["started_at"] <= body["finished_at"]


def test_the_mask_has_the_size_of_the_slice(as_doctor: APIClient, done: Analysis) -> None:
    body = as_doctor.get(reverse("analysis", args=[done.id])).json()
    mask = Image.open(BytesIO(as_doctor.get(body["mask"]).content))
    assert mask.size == (done.scan.width_px, done.scan.height_px)
    assert set(np.unique(np.asarray(mask))) <= {0, 255}
    for picture in ("overlay", "heatmap"):
        answer = as_doctor.get(body[picture])
        assert answer["Content-Type"] == "image/png"
        assert Image.open(BytesIO(answer.content)).mode == "RGB"


def test_the_reading_stands_in_the_history(
    as_doctor: APIClient, done: Analysis, doctor: User
) -> None:
    url = reverse("patient-history", args=[done.scan.patient_id])
    (entry,) = as_doctor.get(url).json()["results"]
    analysis = as_doctor.get(reverse("analysis", args=[done.id])).json()
    assert entry["kind"] == "reading"
    assert entry["data"]["status"] == "preliminary"
    assert entry["author"] == {"id": str(doctor.id), "name": str(doctor)}
    assert entry["data"]["analysis"] == str(done.id)
    copied = "label probabilities possible_labels measurements mask overlay heatmap release"
    for name in copied.split():
        assert entry["data"][name] == analysis[name]


def test_what_a_release_cannot_rule_out_and_what_it_expects_is_shown(
    as_doctor: APIClient, done: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = runs.engine()._release
    cautious = replace(
        released, set_threshold=0.0, dice_knots=((0.0, 0.5), (1.0, 0.5)), outer_level=0.1
    )
    monkeypatch.setattr(
        "inference.runs.engine", lambda _: Engine(cautious, OpenVINOBackend(cautious))
    )
    again = as_doctor.post(reverse("scan-analyses", args=[done.scan_id])).json()
    runs.run(again["id"])
    body = as_doctor.get(reverse("analysis", args=[again["id"]])).json()
    assert body["possible_labels"][0] == body["label"]
    assert set(body["possible_labels"]) == set(CLASSES)
    assert body["measurements"]["expected_dice"] == 0.5
    assert {"unsure", "poor_outline"} <= {reason["code"] for reason in body["reasons"]}


def test_readings_of_old_say_by_null_what_was_not_told_then(
    as_doctor: APIClient, done: Analysis
) -> None:
    assert done.measurements is not None
    known = {"area_px", "centroid_px", "longest_diameter_px"}
    done.measurements = {name: done.measurements[name] for name in known}
    done.possible_labels = None
    done.save()
    body = as_doctor.get(reverse("analysis", args=[done.id])).json()
    assert body["possible_labels"] is None
    measurements = body["measurements"]
    assert {name for name, value in measurements.items() if value is not None} == known
    assert measurements["side_picture"] is None


def test_the_schema_names_the_labels_and_the_sides(as_doctor: APIClient) -> None:
    answer = as_doctor.get(reverse("schema"), headers={"Accept": "application/json"})
    schemas = json.loads(answer.content)["components"]["schemas"]
    assert schemas["Label"]["enum"] == CLASSES
    assert schemas["Side"]["enum"] == ["left", "right", "middle"]
    for name in ("Analysis", "SeriesAnalysis", "Slice", "ReadingData"):
        fields = schemas[name]["properties"]
        for told in (fields["label"], fields["possible_labels"]["items"]):
            assert "#/components/schemas/Label" in json.dumps(told)
    assert list(schemas["Probabilities"]["properties"]) == CLASSES
    for side in ("side_picture", "side_patient"):
        assert "#/components/schemas/Side" in json.dumps(
            schemas["SeriesMeasurements"]["properties"][side]
        )


def test_a_reading_is_dated_by_the_scan(doctor: User, patient: Patient) -> None:
    file = SimpleUploadedFile("s", sample("glioma").read_bytes())
    then = parse_datetime("2020-01-02T03:04:05Z")
    analysis = upload_and_analyse(user=doctor, patient=patient, file=file, acquired_at=then)
    runs.run(analysis.id)
    assert HistoryEntry.objects.get().occurred_at == then


def test_millimetres_only_where_the_file_has_spacing(doctor: User, patient: Patient) -> None:
    picture = read(doctor, patient, sample("meningioma").read_bytes())
    assert picture.measurements is not None
    assert picture.measurements["area_px"] > 0
    assert picture.measurements["area_mm2"] is None
    assert picture.measurements["longest_diameter_mm"] is None


def test_a_colour_photo_is_rejected_with_the_reason(
    as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(0, 1, 320), np.linspace(0, 1, 240))
    sky = np.stack([90 + 60 * y, 140 + 40 * y, 230 - 60 * y], -1)
    sky[150:] = np.stack([60 + 30 * x, 150 - 40 * x, 40 + 20 * x], -1)[150:]
    photo = np.clip(sky + rng.normal(0, 8, sky.shape), 0, 255).astype(np.uint8)
    out = BytesIO()
    Image.fromarray(photo).save(out, "JPEG")

    analysis = read(doctor, patient, out.getvalue())
    body = as_doctor.get(reverse("analysis", args=[analysis.id])).json()
    assert body["status"] == "rejected"
    assert body["label"] is None
    assert body["probabilities"] is None
    assert body["error"]["code"]
    assert body["error"]["message"].endswith(".")
    assert as_doctor.get(reverse("analysis-mask", args=[analysis.id])).status_code == 404
    assert not HistoryEntry.objects.exists()


def test_a_scan_can_be_read_again(as_doctor: APIClient, done: Analysis) -> None:
    url = reverse("scan-analyses", args=[done.scan_id])
    again = as_doctor.post(url)
    assert (again.status_code, again.json()["status"]) == (201, "queued")
    refused = as_doctor.post(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "analysis_in_progress")

    runs.run(again.json()["id"])
    assert [a["status"] for a in as_doctor.get(url).json()["results"]] == ["done", "done"]
    assert HistoryEntry.objects.count() == 2


def test_a_queued_analysis_is_cancelled_and_never_runs(
    as_doctor: APIClient, queued: Analysis
) -> None:
    answer = as_doctor.post(reverse("analysis-cancel", args=[queued.id]))
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    runs.run(queued.id)
    queued.refresh_from_db()
    assert queued.status == "cancelled"
    assert not HistoryEntry.objects.exists()


def test_a_finished_analysis_is_neither_cancelled_nor_retried(
    as_doctor: APIClient, done: Analysis
) -> None:
    for action in ("cancel", "retry"):
        answer = as_doctor.post(reverse(f"analysis-{action}", args=[done.id]))
        assert answer.status_code == 409
        assert (
            answer.json()["code"] == {"cancel": "not_cancellable", "retry": "not_retryable"}[action]
        )


def test_a_failed_analysis_is_retried(as_doctor: APIClient, queued: Analysis) -> None:
    original = queued.scan.original.open().read()
    queued.scan.original.storage.delete(str(queued.scan.original.name))
    for _ in range(3):
        runs.run(queued.id)
    url = reverse("analysis", args=[queued.id])
    body = as_doctor.get(url).json()
    assert (body["status"], body["error"]["code"]) == ("failed", "storage_unavailable")

    queued.scan.original.storage.save(queued.scan.original.name, BytesIO(original))
    answer = as_doctor.post(reverse("analysis-retry", args=[queued.id]))
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert answer.json()["error"] is None
    runs.run(queued.id)
    assert as_doctor.get(url).json()["status"] == "done"
    assert HistoryEntry.objects.count() == 1


def test_an_unchanged_analysis_is_not_sent_again(as_doctor: APIClient, queued: Analysis) -> None:
    url = reverse("analysis", args=[queued.id])
    etag = as_doctor.get(url)["ETag"]
    assert as_doctor.get(url, headers={"If-None-Match": etag}).status_code == 304
    runs.run(queued.id)
    assert as_doctor.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_the_admin_site_shows_it_all(admin_site: Client, done: Analysis) -> None:
    entry = HistoryEntry.objects.get()
    for page, pk in [
        ("inference_analysis", done.id),
        ("scans_scan", done.scan_id),
        ("scans_study", done.scan.series.study_id),
        ("patients_patient", done.scan.patient_id),
        ("patients_historyentry", entry.id),
    ]:
        assert admin_site.get(reverse(f"admin:{page}_changelist")).status_code == 200
        shown = admin_site.get(reverse(f"admin:{page}_change", args=[pk]))
        assert shown.status_code == 200
    overlay = admin_site.get(reverse("analysis-overlay", args=[done.id]))
    assert overlay["Content-Type"] == "image/png"


def test_the_admin_site_cancels(admin_site: Client, queued: Analysis) -> None:
    form: dict[str, Any] = {"action": "cancel", "_selected_action": [str(queued.id)]}
    admin_site.post(reverse("admin:inference_analysis_changelist"), form)
    queued.refresh_from_db()
    assert queued.status == "cancelled"
