"""A reading to decide about, and what a doctor would draw on it."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from inference.models import Analysis

Review = Callable[..., Any]


@pytest.fixture
def review(as_doctor: APIClient, done: Analysis) -> Review:
    """Return a function that posts a decision about `done`."""

    def post(decision: str, *, by: APIClient = as_doctor, **body: Any) -> Any:
        form = "multipart" if "mask" in body else "json"
        url = reverse("review", args=[done.id])
        return by.post(url, {"decision": decision, **body}, format=form)

    return post


@pytest.fixture
def reading(as_doctor: APIClient, done: Analysis) -> Callable[[], dict[str, Any]]:
    """Return a function that gets `done` as a client sees it."""
    return lambda: as_doctor.get(reverse("analysis", args=[done.id])).json()


def picture(mask: npt.NDArray[Any]) -> SimpleUploadedFile:
    out = BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return SimpleUploadedFile("mask.png", out.getvalue(), "image/png")


def pixels(client: APIClient, address: str) -> npt.NDArray[np.uint8]:
    answer = client.get(address)
    assert answer.status_code == 200
    return np.asarray(Image.open(BytesIO(answer.content)))
