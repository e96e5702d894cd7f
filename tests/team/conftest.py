"""A file with a scan, doctors around it, and short words for what they do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from inference.models import Analysis
from inference.services import upload_and_analyse
from patients.models import CareTeamMember, Patient
from tests.factories import UserFactory
from tests.samples import sample

Api = Callable[[User | None], APIClient]


@pytest.fixture
def third_doctor(db: None) -> User:
    return UserFactory.create(role=User.Role.DOCTOR)


@pytest.fixture
def team_url(patient: Patient) -> str:
    return reverse("team", args=[patient.id])


@pytest.fixture
def add(api: Api, doctor: User, team_url: str) -> Callable[..., Any]:
    """Let a colleague in, as the owner."""

    def add(user: User, level: str = "reader", **more: Any) -> Any:
        return api(doctor).post(team_url, {"user": str(user.pk), "level": level, **more})

    return add


@pytest.fixture
def analysis(doctor: User, patient: Patient) -> Analysis:
    """A scan with its analysis, both of which carry the patient's name where people write it."""
    file = SimpleUploadedFile("Haddad Rana.jpg", sample("glioma").read_bytes())
    return upload_and_analyse(user=doctor, patient=patient, file=file, note="Mrs Haddad, T1")


def levels(patient: Patient) -> dict[User, int]:
    """What everyone who now has a way into the file may do in it."""
    members = CareTeamMember.objects.filter(patient=patient).current()
    return {member.user: member.level for member in members.select_related("user")}
