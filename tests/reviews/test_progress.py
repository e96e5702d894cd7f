"""A patient's course: what is compared, with what, and what is never compared."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from inference import runs
from inference.models import Analysis
from inference.reviews.services import review
from inference.services import upload_and_analyse
from patients.models import Patient
from scans.decoding import decode
from tests.samples import sample

Take = Callable[..., Analysis]


@pytest.fixture
def take(doctor: User, patient: Patient) -> Take:
    """Return a function that scans the patient and outlines a rectangle of so many millimetres.

    The longest diameter of a square is its diagonal, so the product of both is twice its area.
    """
    count = iter(range(100))

    def take(
        day: str | None,
        mm: tuple[float, float] | None = (40, 30),
        *,
        spacing: float | None = 0.5,
        label: str = "glioma",
        description: str = "T1 post contrast",
        reviewed: bool = True,
    ) -> Analysis:
        number = next(count)
        kind = "glioma" if mm else "no_tumor"
        picture = decode(sample(kind).read_bytes()).pixels
        picture = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., 0])
        dataset = pydicom.dcmread(sample("dicom"))
        dataset.Rows, dataset.Columns = picture.shape
        dataset.PixelData = picture.astype(np.int16).tobytes()
        dataset.SeriesInstanceUID = f"1.2.3.{number}"
        dataset.SOPInstanceUID = f"1.2.3.{number}.1"
        dataset.SeriesDescription = description
        for name in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
            if name in dataset:
                delattr(dataset, name)
        for name in (
            "AcquisitionDateTime",
            "AcquisitionDate",
            "SeriesDate",
            "StudyDate",
            "ContentDate",
        ):
            if name in dataset:
                delattr(dataset, name)
        if spacing is None:
            del dataset.PixelSpacing
        else:
            dataset.PixelSpacing = [spacing, spacing]
        out = BytesIO()
        dataset.save_as(out)
        analysis = upload_and_analyse(
            user=doctor,
            patient=patient,
            file=SimpleUploadedFile(f"{number}.dcm", out.getvalue()),
            acquired_at=datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None,
        )
        runs.run(analysis.id)
        analysis.refresh_from_db()
        assert analysis.status == "done", analysis.error_message
        if not reviewed:
            return analysis
        if mm is None:
            assert analysis.label == "no_tumor"
            review(user=doctor, analysis=analysis, decision="signed")
            return analysis
        width, height = (side / (spacing or 0.5) for side in mm)
        right, bottom = 99.5 + width, 99.5 + height
        ring = [[99.5, 99.5], [right, 99.5], [right, bottom], [99.5, bottom]]
        review(user=doctor, analysis=analysis, decision="corrected", label=label, outline=[ring])
        return analysis

    return take


@pytest.fixture
def progress(as_doctor: APIClient, patient: Patient) -> Callable[..., Any]:
    def get(**query: str) -> Any:
        answer = as_doctor.get(reverse("progress", args=[patient.id]), query)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return get


def test_a_course_by_the_rule(take: Take, progress: Callable[..., Any]) -> None:
    take("2026-06-01", (30, 30))
    take("2026-01-05", (40, 40))
    take("2026-03-02", (25, 25))
    take("2026-09-01", None)
    body = progress()
    points = body["points"]
    assert [p["date"] for p in points] == ["2026-01-05", "2026-03-02", "2026-06-01", "2026-09-01"]
    assert [p["category"] for p in points] == [
        None,
        "partial_response",
        "progression",
        "complete_response",
    ]
    assert [p["confirmation"] for p in points] == [None, "unconfirmed", None, "unconfirmed"]
    assert points[0]["no_category"]["code"] == "baseline"
    assert points[0]["size"] == {
        "area_mm2": 1600.0,
        "longest_diameter_mm": 56.57,
        "perpendicular_diameter_mm": 56.57,
        "product_mm2": pytest.approx(3200, abs=1),
        "measurable": True,
    }
    assert points[1]["since_baseline"]["area"] == pytest.approx(-60.9)
    assert points[2]["since_smallest"]["product"] == pytest.approx(44, abs=0.1)
    assert points[2]["since_baseline"]["product"] == pytest.approx(-43.75, abs=0.1)
    assert points[3]["size"]["product_mm2"] == 0
    assert (body["baseline"], body["smallest"]) == ("2026-01-05", "2026-09-01")
    assert {s["doi"] for s in body["rule"]["sources"]} == {
        "10.1200/JCO.2009.26.3541",
        "10.1200/JCO.23.01059",
    }
    codes = {caution["code"] for caution in body["cautions"]}
    assert codes == {"imaging_only", "slices_not_volumes", "largest_part"}
    assert "Steroids" in body["cautions"][0]["message"]


def test_the_largest_slice_of_a_day_counts(take: Take, progress: Callable[..., Any]) -> None:
    take("2026-01-05T08:00", (20, 20))
    largest = take("2026-01-05T08:01", (40, 30))
    take("2026-01-05T08:02", None)
    (point,) = progress()["points"]
    assert (point["scans"], point["analysis"]) == (3, str(largest.id))


def test_a_clear_slice_does_not_clear_a_day_with_a_tumour_of_unknown_size(
    take: Take, progress: Callable[..., Any]
) -> None:
    take("2026-01-05", (40, 30))
    take("2026-03-05T08:00", None)
    take("2026-03-05T08:01", (40, 30), spacing=None)
    point = progress()["points"][1]
    assert (point["comparable"], point["reason"]["code"]) == (False, "no_spacing")
    assert point["category"] is None


def test_pixels_are_never_compared(
    take: Take, progress: Callable[..., Any], doctor: User, patient: Patient
) -> None:
    for day in ("2026-01-05", "2026-02-05"):
        take(day, spacing=None)
    body = progress()
    assert [p["reason"]["code"] for p in body["points"]] == ["no_spacing"] * 2
    assert all(p["area_px"] == 80 * 60 for p in body["points"])
    assert all(p["size"] is None and p["since_baseline"] is None for p in body["points"])
    assert body["baseline"] is None


def test_millimetres_are_compared_across_resolutions(
    take: Take, progress: Callable[..., Any]
) -> None:
    take("2026-01-05", (40, 30), spacing=0.5)
    take("2026-02-05", (40, 30), spacing=1.0, description="T1 other scanner")
    body = progress()
    assert body["points"][1]["since_baseline"]["area"] == 0
    assert body["points"][1]["category"] == "stable"
    assert "different_series" in {caution["code"] for caution in body["cautions"]}


def test_a_scan_of_unknown_date_stands_alone_and_is_not_compared(
    take: Take, progress: Callable[..., Any]
) -> None:
    take("2026-01-05")
    for _ in range(2):
        take(None, (10, 10))
    points = progress()["points"]
    assert [p["dated_by"] for p in points] == ["acquisition", "upload", "upload"]
    assert [p["comparable"] for p in points] == [True, False, False]
    assert points[1]["reason"]["code"] == "no_date"


def test_the_doctors_answer_counts_and_a_rejected_reading_does_not(
    take: Take, progress: Callable[..., Any], doctor: User
) -> None:
    analysis = take("2026-01-05", reviewed=False)
    (point,) = progress()["points"]
    assert (point["status"], point["comparable"]) == ("preliminary", True)
    assert "preliminary" in {caution["code"] for caution in progress()["cautions"]}
    assert analysis.measurements is not None
    assert point["size"]["area_mm2"] == analysis.measurements["area_mm2"]

    ring = [[99.5, 99.5], [179.5, 99.5], [179.5, 159.5], [99.5, 159.5]]
    review(user=doctor, analysis=analysis, decision="corrected", outline=[ring])
    (point,) = progress()["points"]
    assert (point["status"], point["size"]["area_mm2"]) == ("corrected", 1200)

    review(user=doctor, analysis=analysis, decision="rejected", reason="Motion.", supersedes=1)
    assert progress()["points"] == []


def test_other_tumours_have_no_category(take: Take, progress: Callable[..., Any]) -> None:
    take("2026-01-05", label="meningioma")
    take("2026-02-05", (60, 40), label="meningioma")
    point = progress()["points"][1]
    assert (point["category"], point["no_category"]["code"]) == (None, "not_glioma")
    assert point["since_baseline"]["area"] == 100


def test_a_later_baseline_can_be_chosen(
    take: Take, progress: Callable[..., Any], as_doctor: APIClient, patient: Patient
) -> None:
    for day, mm in (("2026-01-05", (20, 20)), ("2026-03-05", (40, 30)), ("2026-05-05", (40, 30))):
        take(day, mm)
    assert progress()["points"][2]["category"] == "progression"
    body = progress(baseline="2026-02-01")
    assert body["baseline"] == "2026-03-05"
    assert body["points"][0]["reason"]["code"] == "before_baseline"
    assert body["points"][2]["category"] == "stable"
    for query in ({"baseline": "soon"}, {"base": "2026-02-01"}):
        answer = as_doctor.get(reverse("progress", args=[patient.id]), query)
        assert answer.status_code == 400


def test_more_scans_cost_no_more_queries(
    take: Take, as_doctor: APIClient, patient: Patient
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            as_doctor.get(reverse("progress", args=[patient.id]))
        return len(asked)

    take("2026-01-05")
    before = queries()
    take("2026-02-05")
    take("2026-03-05", reviewed=False)
    assert queries() == before


def test_the_pictures_show_the_course_and_not_the_patient(
    take: Take, as_doctor: APIClient, patient: Patient
) -> None:
    take("2026-01-05", (40, 30))
    take("2026-03-05", (50, 40), reviewed=False)
    take("2026-03-25", spacing=None)
    svg = as_doctor.get(reverse("progress-svg", args=[patient.id]))
    assert svg["Content-Type"] == "image/svg+xml"
    texts = [e.text for e in ElementTree.fromstring(svg.content).iter() if e.text]  # noqa: S314
    for expected in ("Product of diameters (mm²)", "Date of the scan", "2026-01-05", "baseline"):
        assert expected in texts
    assert not [text for text in texts if patient.family_name in text]
    png = as_doctor.get(reverse("progress-png", args=[patient.id]))
    picture = Image.open(BytesIO(png.content))
    assert picture.size == (1800, 1080)
    assert len(picture.getcolors(10**6) or []) > 50


def test_a_patient_without_readings_has_an_empty_course(
    progress: Callable[..., Any], as_doctor: APIClient, patient: Patient
) -> None:
    assert progress()["points"] == []
    for route in ("progress-svg", "progress-png"):
        assert as_doctor.get(reverse(route, args=[patient.id])).status_code == 200
