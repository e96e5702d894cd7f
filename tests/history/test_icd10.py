"""Finding a code."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User


def codes(client: APIClient, text: str) -> list[str]:
    answer = client.get(reverse("icd10"), {"search": text})
    assert answer.status_code == 200
    return [found["code"] for found in answer.json()["results"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("c71.1", ["C71.1"]),
        ("D35", ["D35.2", "D35.3", "D35.4"]),
        ("frontal lobe", ["C71.1"]),
        ("LOBE malignant Frontal", ["C71.1"]),
        ("oedema cerebral", ["G93.6", "S06.1"]),
        ("xyz", []),
    ],
)
def test_by_the_beginning_of_the_code_or_by_words(
    as_doctor: APIClient, text: str, found: list[str]
) -> None:
    assert codes(as_doctor, text) == found


def test_every_group_of_the_nervous_system_is_there(as_doctor: APIClient) -> None:
    groups = ["C69", "C70", "C71", "C72", "D32", "D33", "D42", "D43", "G40", "G91", "H54", "Q85"]
    for group in groups:
        assert group in codes(as_doctor, group)


def test_at_most_fifty(as_doctor: APIClient) -> None:
    assert len(codes(as_doctor, "")) == 50


def test_students_look_codes_up_too(api: Callable[..., APIClient], student: User) -> None:
    assert codes(api(student), "G35") == ["G35"]


@pytest.mark.parametrize("text", ["x" * 201, "a\0", "a\nb"])
def test_what_no_code_is_called_is_refused(as_doctor: APIClient, text: str) -> None:
    answer = as_doctor.get(reverse("icd10"), {"search": text})
    assert (answer.status_code, answer.json()["field"]) == (400, "search")
