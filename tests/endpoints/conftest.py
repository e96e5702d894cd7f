"""Hundreds of requests about one file: it is made once, and what a request did is taken back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import override_settings
from django.urls import get_resolver, reverse
from rest_framework.test import APIClient

from accounts.models import User
from inference.engine.reading import Reading
from inference.models import Analysis
from inference.reviews.services import review
from inference.services import upload_and_analyse
from patients.services import create_patient
from tests.endpoints.table import ENDPOINTS, Endpoint
from tests.endpoints.world import furnish
from tests.factories import UserFactory, end
from tests.samples import sample


@dataclass(frozen=True)
class World:
    """known: the parameters of every route. media: where the files of it all are."""

    doctor_id: UUID
    known: dict[str, Any]
    media: Path


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
    glioma_reading: Reading,
) -> Iterator[World]:
    """Tests run in transactions inside the one in which this is made."""
    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(MEDIA_ROOT=media):
            doctor = UserFactory.create(role=User.Role.DOCTOR)
            patient = create_patient(
                user=doctor, family_name="Haddad", given_name="Rana", sex="female"
            )
            file = SimpleUploadedFile("slice.jpg", sample("glioma").read_bytes())
            done = end(upload_and_analyse(user=doctor, patient=patient, file=file), glioma_reading)
            known = furnish(done, doctor)
        yield World(doctor.pk, known, media)
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _own_files(settings: Any, world: World) -> None:
    settings.MEDIA_ROOT = world.media
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def doctor(world: World, db: None) -> User:
    return User.objects.get(pk=world.doctor_id)


@pytest.fixture
def done(world: World, db: None) -> Analysis:
    return Analysis.objects.get(pk=world.known["analysis_id"])


@pytest.fixture(params=ENDPOINTS, ids=str)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    return request.param


@pytest.fixture
def ask(
    endpoint: Endpoint,
    api: Callable[[User | None], APIClient],
    world: World,
    done: Analysis,
    doctor: User,
) -> Callable[[User | None], Any]:
    """Return a function that sends the endpoint's request, about `done`, as somebody."""
    needed = get_resolver().reverse_dict.getlist(endpoint.route)[0][0][0][1]
    url = reverse(endpoint.route, kwargs={name: world.known[name] for name in needed})
    if "version" in needed:
        corner = [[0, 0], [9, 0], [0, 9]]
        review(user=doctor, analysis=done, decision="corrected", outline=[corner])

    def send(user: User | None) -> Any:
        body = dict(endpoint.body)
        if endpoint.multipart:
            body["file"] = SimpleUploadedFile("s", sample(endpoint.sample).read_bytes())
        call = getattr(api(user), endpoint.method)
        form = "multipart" if endpoint.multipart else "json"
        return call(url, body or None, format=form, headers=endpoint.headers)

    return send
