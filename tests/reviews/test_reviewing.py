"""A doctor signs, corrects or rejects a reading, and everybody sees whose answer counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from inference.engine.render import DOCTORS_OUTLINE
from inference.models import Analysis
from inference.reviews import services
from patients.models import Change, HistoryEntry
from patients.services import add_to_care_team
from tests.reviews.conftest import Review, picture, pixels

Reading = Callable[[], dict[str, Any]]
SQUARE = [[[99.5, 199.5], [179.5, 199.5], [179.5, 259.5], [99.5, 259.5]]]  # 80 x 60 pixels


def history(client: APIClient, analysis: Analysis) -> Any:
    url = reverse("patient-history", args=[analysis.scan.patient_id])
    (entry,) = client.get(url).json()["results"]
    return entry


def test_a_reading_is_preliminary_until_a_doctor_decides(reading: Reading) -> None:
    body = reading()
    assert body["review"]["status"] == "preliminary"
    assert body["review"]["version"] is None
    assert body["polygons"]


def test_signing_takes_the_models_answer(
    review: Review, reading: Reading, as_doctor: APIClient, done: Analysis, doctor: User
) -> None:
    answer = review("signed", comment="Agreed.")
    assert answer.status_code == 201
    body = reading()
    assert body["review"] == answer.json()
    assert body["review"] == body["review"] | {
        "status": "signed",
        "version": 1,
        "label": body["label"],
        "measurements": body["measurements"],
        "outlined_by": "model",
        "dice": 1.0,
        "mask": body["mask"],
        "overlay": body["overlay"],
        "polygons": body["polygons"],
        "comment": "Agreed.",
        "reviewer": str(doctor),
    }
    entry = history(as_doctor, done)
    assert entry["title"] == "Glioma, signed"
    assert entry["data"]["status"] == "signed"


def test_a_corrected_outline_lies_on_the_pixels_that_were_drawn(
    review: Review, reading: Reading, as_doctor: APIClient, done: Analysis
) -> None:
    before = reading()
    answer = review("corrected", label="meningioma", outline=SQUARE)
    assert answer.status_code == 201
    body = reading()
    assert {name: body[name] for name in before if name != "review"} == {
        name: before[name] for name in before if name != "review"
    }
    doctors = body["review"]
    assert (doctors["label"], doctors["outlined_by"]) == ("meningioma", "doctor")
    assert doctors["polygons"] == SQUARE
    assert doctors["measurements"]["area_px"] == 80 * 60
    assert doctors["measurements"]["bounding_box_px"] == [100, 200, 80, 60]
    assert doctors["measurements"]["longest_diameter_px"] == pytest.approx(100)
    assert doctors["measurements"]["area_mm2"] is None
    assert doctors["measurements"]["side_picture"] == "left"
    assert doctors["measurements"]["side_patient"] is None  # a JPEG does not say how it lies
    mask = pixels(as_doctor, doctors["mask"])
    drawn = np.zeros((done.scan.height_px, done.scan.width_px), bool)
    drawn[200:260, 100:180] = True
    assert ((mask == 255) == drawn).all()
    models = pixels(as_doctor, body["mask"]) > 0
    expected = 2 * (drawn & models).sum() / (drawn.sum() + models.sum())
    assert doctors["dice"] == pytest.approx(expected)
    overlay = pixels(as_doctor, doctors["overlay"])
    red, green, blue = np.moveaxis(overlay.astype(int), 2, 0)
    ys, xs = np.nonzero((red - green > 40) & (blue - green > 30))  # pink, drawn anti-aliased
    assert DOCTORS_OUTLINE == (255, 122, 222)
    assert (xs.min(), xs.max()) == (pytest.approx(100, abs=3), pytest.approx(179, abs=3))
    assert (ys.min(), ys.max()) == (pytest.approx(200, abs=3), pytest.approx(259, abs=3))
    entry = history(as_doctor, done)
    assert entry["title"] == "Meningioma, corrected from glioma"
    assert entry["data"]["label"] == "meningioma"
    assert entry["data"]["measurements"] == doctors["measurements"]


def test_a_painted_mask_says_the_same_as_its_polygon(review: Review, done: Analysis) -> None:
    painted = np.zeros((done.scan.height_px, done.scan.width_px), np.uint8)
    painted[200:260, 100:180] = 255
    by_mask = review("corrected", mask=picture(painted)).json()
    by_polygon = review("corrected", outline=SQUARE, supersedes=1).json()
    for name in ("label", "measurements", "polygons", "dice", "outlined_by"):
        assert by_mask[name] == by_polygon[name]


def test_the_models_own_outline_sent_back_is_no_correction(
    review: Review, reading: Reading
) -> None:
    answer = review("corrected", outline=reading()["polygons"])
    assert (answer.status_code, answer.json()["code"]) == (400, "nothing_corrected")


def test_a_tumour_that_is_none_needs_no_outline(
    review: Review, reading: Reading, done: Analysis
) -> None:
    assert review("corrected", label="no_tumor").status_code == 201
    body = reading()["review"]
    assert (body["label"], body["outlined_by"], body["dice"]) == ("no_tumor", "none", 0.0)
    assert (body["measurements"], body["mask"], body["overlay"]) == (None, None, None)
    assert body["polygons"] == []
    again = review("corrected", label="no_tumor", outline=[], supersedes=1)
    assert again.status_code == 201


def test_a_rejected_reading_has_no_answer_but_a_reason(
    review: Review, reading: Reading, as_doctor: APIClient, done: Analysis
) -> None:
    refused = review("rejected")
    assert (refused.status_code, refused.json()["field"]) == (400, "reason")
    assert review("rejected", reason="Motion artefact").status_code == 201
    body = reading()
    assert body["review"]["status"] == "rejected"
    assert body["review"]["reason"] == "Motion artefact"
    assert body["review"]["label"] is None
    assert body["label"] == "glioma"
    assert history(as_doctor, done)["title"] == "Reading rejected"


def test_two_doctors_do_not_overwrite_each_other_unknowingly(
    review: Review, reading: Reading, api: Any, done: Analysis, doctor: User, other_doctor: User
) -> None:
    add_to_care_team(patient=done.scan.patient, user=other_doctor)
    colleague = api(other_doctor)
    assert review("signed").status_code == 201
    for seen in ({}, {"supersedes": 2}):
        late = review("corrected", label="meningioma", by=colleague, **seen)
        assert (late.status_code, late.json()["code"]) == (409, "review_conflict")
        assert (late.json()["version"], late.json()["reviewer"]) == (1, str(doctor))
    assert reading()["review"]["status"] == "signed"

    knowing = review("corrected", label="meningioma", by=colleague, supersedes=1)
    assert (knowing.status_code, knowing.json()["version"]) == (201, 2)
    assert reading()["review"]["reviewer"] == str(other_doctor)
    kept = colleague.get(reverse("reviews", args=[done.id])).json()["results"]
    assert [(r["version"], r["status"]) for r in kept] == [(2, "corrected"), (1, "signed")]


@pytest.mark.parametrize("earlier", [0, 1])
def test_of_two_decisions_at_once_one_is_told(
    earlier: int,
    review: Review,
    reading: Reading,
    api: Any,
    done: Analysis,
    other_doctor: User,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    add_to_care_team(patient=done.scan.patient, user=other_doctor)
    if earlier:
        review("rejected", reason="Motion.")
    seen = {"supersedes": earlier} if earlier else {}

    drawn_mask = services.drawn_mask

    def meanwhile(*args: Any) -> Any:
        """The other doctor's decision is written while this one's outline is being drawn."""
        assert review("signed", by=api(other_doctor), **seen).status_code == 201
        return drawn_mask(*args)

    monkeypatch.setattr(services, "drawn_mask", meanwhile)
    files = sorted(settings.MEDIA_ROOT.rglob("*.png"))
    late = review("corrected", outline=SQUARE, **seen)
    assert (late.status_code, late.json()["code"]) == (409, "review_conflict")
    assert late.json()["reviewer"] == str(other_doctor)
    assert reading()["review"]["status"] == "signed"
    assert done.reviews.count() == earlier + 1
    assert sorted(settings.MEDIA_ROOT.rglob("*.png")) == files


def test_there_is_nothing_to_supersede_before_the_first(review: Review) -> None:
    assert review("signed", supersedes=1).status_code == 409


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"decision": "signed", "label": "glioma"}, "only_with_corrected", "label"),
        ({"decision": "signed", "outline": []}, "only_with_corrected", "outline"),
        ({"decision": "signed", "reason": "why"}, "only_with_rejected", "reason"),
        (
            {"decision": "rejected", "reason": "x", "label": "glioma"},
            "only_with_corrected",
            "label",
        ),
        ({"decision": "corrected"}, "nothing_corrected", None),
        ({"decision": "corrected", "label": "glioma"}, "nothing_corrected", None),
        ({"decision": "corrected", "label": "abscess"}, "invalid_choice", "label"),
        (
            {"decision": "corrected", "label": "no_tumor", "outline": SQUARE},
            "outline_contradicts_label",
            "outline",
        ),
        ({"decision": "corrected", "outline": []}, "outline_empty", "outline"),
        ({"decision": "perhaps"}, "invalid_choice", "decision"),
        ({"decision": "signed", "sign": True}, "unknown_field", "sign"),
        ({"decision": "signed", "supersedes": 0}, "min_value", "supersedes"),
        ({"decision": "signed", "supersedes": 10**30}, "max_value", "supersedes"),
        ({}, "required", "decision"),
    ],
)
def test_what_does_not_go_together_is_refused(
    body: dict[str, Any],
    code: str,
    field: str | None,
    as_doctor: APIClient,
    done: Analysis,
    reading: Reading,
) -> None:
    answer = as_doctor.post(reverse("review", args=[done.id]), body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["field"] == field
    assert reading()["review"]["status"] == "preliminary"


def test_a_reading_that_contradicts_itself_is_not_signed(review: Review, done: Analysis) -> None:
    Analysis.objects.filter(pk=done.pk).update(label="no_tumor")
    answer = review("signed")
    assert (answer.status_code, answer.json()["code"]) == (409, "reading_contradicts_itself")
    assert review("corrected", outline=[]).status_code == 201


def test_a_tumour_that_nobody_outlined_is_asked_for(review: Review, done: Analysis) -> None:
    review("corrected", label="no_tumor")
    empty = review("corrected", outline=SQUARE, supersedes=1)
    assert empty.status_code == 201
    # As if the model had outlined nothing:
    blank = np.zeros((done.scan.height_px, done.scan.width_px), np.uint8)
    done.mask.storage.delete(str(done.mask.name))
    done.mask.storage.save(str(done.mask.name), picture(blank))
    answer = review("corrected", label="meningioma", supersedes=2)
    assert (answer.status_code, answer.json()["code"]) == (400, "outline_required")


def test_only_what_is_done_is_reviewed(as_doctor: APIClient, queued: Analysis) -> None:
    url = reverse("analysis", args=[queued.id])
    assert as_doctor.get(url).json()["review"] is None
    answer = as_doctor.post(reverse("review", args=[queued.id]), {"decision": "signed"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reviewable")


def test_lists_show_what_doctors_decided(
    review: Review, as_doctor: APIClient, done: Analysis
) -> None:
    review("signed")
    scans = as_doctor.get(reverse("scans", args=[done.scan.patient_id])).json()["results"]
    analyses = as_doctor.get(reverse("scan-analyses", args=[done.scan_id])).json()["results"]
    for listed in (scans[0]["analysis"], analyses[0]):
        assert listed["review"]["status"] == "signed"
        assert "polygons" not in listed["review"]


def test_everybody_with_the_file_hears_of_it(review: Review, done: Analysis, doctor: User) -> None:
    Change.objects.all().delete()
    review("signed")
    entry = HistoryEntry.objects.get()
    heard = set(Change.objects.filter(user=doctor).values_list("kind", "object_id", "action"))
    assert heard == {("analysis", done.id, "updated"), ("entry", entry.id, "updated")}


def test_nothing_is_left_of_a_review_that_could_not_be_written(
    review: Review, done: Analysis, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("inference.reviews.services.amend_history", broken)
    before = sorted(settings.MEDIA_ROOT.rglob("*.png"))
    with pytest.raises(RuntimeError):
        review("corrected", outline=SQUARE)
    assert not done.reviews.exists()
    assert sorted(settings.MEDIA_ROOT.rglob("*.png")) == before


def test_a_removed_scan_takes_the_reviews_pictures_along(
    review: Review, done: Analysis, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    review("corrected", outline=SQUARE)
    with django_capture_on_commit_callbacks(execute=True):
        done.scan.delete()
    assert not list(settings.MEDIA_ROOT.rglob("*.png"))


def test_an_admin_does_not_decide_in_a_doctors_place(review: Review, api: Any, admin: User) -> None:
    answer = review("signed", by=api(admin))
    assert (answer.status_code, answer.json()["code"]) == (403, "doctor_required")


def test_who_only_reads_the_file_does_not_review_it(
    review: Review, api: Any, done: Analysis, other_doctor: User
) -> None:
    add_to_care_team(patient=done.scan.patient, user=other_doctor, level=1)
    colleague = api(other_doctor)
    assert colleague.get(reverse("analysis", args=[done.id])).status_code == 200
    assert review("signed", by=colleague).status_code == 403
    comments = reverse("analysis-comments", args=[done.id])
    assert colleague.post(comments, {"text": "Look again"}).status_code == 403
    assert colleague.get(comments).status_code == 200


def test_remarks_decide_nothing(
    as_doctor: APIClient, done: Analysis, reading: Reading, doctor: User
) -> None:
    url = reverse("analysis-comments", args=[done.id])
    for text in ("First look.", "Compare with the\nscan of May."):
        assert as_doctor.post(url, {"text": text}).status_code == 201
    shown = as_doctor.get(url).json()["results"]
    assert [c["text"] for c in shown] == ["Compare with the\nscan of May.", "First look."]
    assert shown[0]["author"] == str(doctor)
    assert reading()["review"]["status"] == "preliminary"
    for text in ("", " ", "\u0000", "x" * 2001):
        assert as_doctor.post(url, {"text": text}).status_code == 400


def test_a_name_outlives_the_account(review: Review, reading: Reading, admin: User) -> None:
    review("signed")
    name = reading()["review"]["reviewer"]
    Analysis.objects.get().reviews.update(reviewer=None)
    assert reading()["review"]["reviewer"] == name


def test_admins_see_reviews_beside_the_analysis(
    review: Review, as_doctor: APIClient, done: Analysis, admin_site: Client
) -> None:
    review("corrected", label="meningioma", comment="Broad dural base.")
    as_doctor.post(reverse("analysis-comments", args=[done.id]), {"text": "Ask for T2."})
    page = admin_site.get(reverse("admin:inference_analysis_change", args=[done.id]))
    shown = page.content.decode()
    assert "Broad dural base." in shown
    assert "Ask for T2." in shown
