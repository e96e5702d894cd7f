"""What a doctor may draw, and how it is refused."""

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rest_framework.test import APIClient

from inference.models import Analysis
from inference.reviews.drawings import MAX_POINTS
from tests.reviews.conftest import Review, picture

TRIANGLE = [[10, 10], [40, 10], [10, 40]]


@pytest.mark.parametrize(
    ("outline", "code"),
    [
        ("circle", "outline_invalid"),
        ({"rings": []}, "outline_invalid"),
        (TRIANGLE, "outline_invalid"),
        ([[[1, 2], [3]]], "outline_invalid"),
        ([[[1, 2], [3, "4"], [5, 6]]], "outline_invalid"),
        ([[[1, 2], [3, True], [5, 6]]], "outline_invalid"),
        ([[[1, 2], [3, None], [5, 6]]], "outline_invalid"),
        ([[]], "too_few_points"),
        ([TRIANGLE, [[1, 1], [2, 2]]], "too_few_points"),
        ([[[i % 50, 1] for i in range(MAX_POINTS + 1)]], "too_many_points"),
        ([[[10**400, 1], [2, 2], [3, 1]]], "not_finite"),
        ([[[10, 10], [600, 10], [10, 40]]], "outside_slice"),
        ([[[10, -3], [40, 10], [10, 40]]], "outside_slice"),
        ([[[1e300, 10], [40, 10], [10, 40]]], "outside_slice"),
        ([[[10.1, 10.1], [10.9, 10.1], [10.5, 10.4]]], "outline_empty"),
        ([TRIANGLE, TRIANGLE], "outline_empty"),
    ],
)
def test_outlines_that_are_none(outline: Any, code: str, review: Review) -> None:
    answer = review("corrected", outline=outline)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["field"] == "outline"


def test_a_number_beyond_all_bounds_in_json(as_doctor: APIClient, done: Analysis) -> None:
    for number in ("1e999", "-1e999", "NaN", "Infinity"):
        body = '{"decision": "corrected", "outline": [[[1, 1], [2, 2], [3, HERE]]]}'
        url = reverse("review", args=[done.id])
        answer = as_doctor.post(url, body.replace("HERE", number), content_type="application/json")
        assert answer.status_code == 400


def test_a_finger_slips_over_the_edge(review: Review) -> None:
    answer = review("corrected", outline=[[[-2, -2], [513, -2], [513, 20], [-2, 20]]])
    assert answer.status_code == 201
    assert answer.json()["measurements"]["bounding_box_px"] == [0, 0, 512, 20]


def test_a_hole_stays_a_hole(review: Review) -> None:
    rings = [
        [[99.5, 99.5], [139.5, 99.5], [139.5, 139.5], [99.5, 139.5]],
        [[109.5, 109.5], [129.5, 109.5], [129.5, 129.5], [109.5, 129.5]],
    ]
    body = review("corrected", outline=rings).json()
    assert body["measurements"]["area_px"] == 40**2 - 20**2
    assert len(body["polygons"]) == 2


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False)
        | st.integers()
        | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=30,
    )
)
def test_no_outline_whatsoever_is_an_error_of_ours(review: Review, outline: Any) -> None:
    try:
        json.dumps(outline, allow_nan=False)
    except ValueError:
        return
    assert review("corrected", outline=outline).status_code in (201, 400, 409)


def blank() -> Any:
    return np.zeros((512, 512), np.uint8)


def disc(value: int = 255) -> Any:
    y, x = np.mgrid[:512, :512]
    return np.where((x - 256) ** 2 + (y - 200) ** 2 < 900, value, 0).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["L", "1", "RGB", "RGBA", "I;16"])
def test_masks_as_phones_paint_them(dtype: str, review: Review) -> None:
    if dtype == "I;16":
        painted = picture(disc().astype(np.uint16) * 257)
    else:
        out = BytesIO()
        Image.fromarray(disc()).convert(dtype).save(out, "PNG")
        painted = SimpleUploadedFile("mask.png", out.getvalue())
    answer = review("corrected", mask=painted)
    assert answer.status_code == 201
    assert answer.json()["measurements"]["area_px"] == (disc() > 0).sum()


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        (lambda: picture(disc()[:-1]), "mask_wrong_size"),
        (lambda: picture(blank()), "mask_empty"),
        (lambda: picture(blank() + 255), "mask_not_binary"),
        (lambda: picture(disc() + np.eye(512, dtype=np.uint8)), "mask_not_binary"),
        (lambda: picture(np.dstack([disc(), blank(), blank()])), "mask_not_binary"),
        (
            lambda: picture((np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)),
            "mask_too_ragged",
        ),
        (lambda: SimpleUploadedFile("mask.png", b""), "empty_file"),
        (lambda: SimpleUploadedFile("mask.png", picture(disc()).read()[:200]), "truncated_file"),
        (
            lambda: SimpleUploadedFile("mask.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64),
            "truncated_file",
        ),
        (lambda: SimpleUploadedFile("mask.png", b"0" * (5 * 1024 * 1024 + 1)), "file_too_large"),
    ],
)
def test_masks_that_are_none(mask: Any, code: str, review: Review) -> None:
    answer = review("corrected", mask=mask())
    assert answer.json()["code"] == code
    assert answer.status_code == (413 if code == "file_too_large" else 400)
    assert answer.json()["field"] == "mask"


def test_a_jpeg_is_no_mask(review: Review) -> None:
    out = BytesIO()
    Image.fromarray(disc()).save(out, "JPEG")
    answer = review("corrected", mask=SimpleUploadedFile("mask.jpg", out.getvalue()))
    assert answer.json()["code"] == "mask_not_png"
