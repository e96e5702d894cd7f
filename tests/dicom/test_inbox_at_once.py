"""Several who decide about the same objects at the same time: each object ends in one place."""

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from dicom.inbox.services import Source, receive
from dicom.inbox.tasks import file_waiting
from dicom.models import Arrival, Peer
from patients.services import create_patient, update_patient
from scans.models import Instance
from tests.audit.test_sealing_at_once import at_once
from tests.factories import UserFactory
from tests.series.make import as_bytes, make_series

pytestmark = [
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="SQLite in memory has table locks; in a file every transaction has the write lock",
    ),
    pytest.mark.django_db(transaction=True),
]


def test_of_two_who_assign_at_once_one_does() -> None:
    doctor = UserFactory.create(role=User.Role.DOCTOR)
    peer = Peer.objects.create(name="MR 1", issuer="St. Mary")
    for dataset in make_series(slices=4):
        receive(data=as_bytes(dataset), source=Source(peer, None, "MR1"))
    key = Arrival.objects.values_list("group", flat=True)[0]
    patients = [create_patient(user=doctor, family_name=name) for name in ("A", "B")]
    answers = []

    def assign(patient: str) -> None:
        api = APIClient()
        api.force_authenticate(doctor)
        answer = api.post(reverse("inbox-assign", args=[key]), {"patient": patient})
        answers.append((answer.status_code, answer.json().get("code")))

    at_once(*(lambda pk=str(patient.pk): assign(pk) for patient in patients))

    assert sorted(answers)[0] == (200, None)
    assert sorted(answers)[1] in [(409, "already_decided"), (404, "not_found")]
    assert Instance.objects.count() == 4
    assert Instance.objects.values("series__study__patient").distinct().count() == 1
    assert not Arrival.objects.exists()


def test_the_same_object_twice_at_once_and_the_sweep_with_a_person() -> None:
    doctor = UserFactory.create(role=User.Role.DOCTOR)
    peer = Peer.objects.create(name="MR 1", issuer="St. Mary")
    patient = create_patient(user=doctor, family_name="A")
    objects = [as_bytes(dataset) for dataset in make_series(slices=4)]

    def send() -> None:
        for data in objects:
            receive(data=data, source=Source(peer, None, "MR1"))

    at_once(send, send)
    assert Arrival.objects.count() == 4

    number = {"issuer": "St. Mary", "value": "P-17"}
    update_patient(user=doctor, patient=patient, identifiers=[number])
    key = Arrival.objects.values_list("group", flat=True)[0]

    def assign() -> None:
        api = APIClient()
        api.force_authenticate(doctor)
        answer = api.post(reverse("inbox-assign", args=[key]), {"patient": str(patient.pk)})
        assert answer.status_code in (200, 404, 409)

    at_once(file_waiting, assign, send, file_waiting)
    file_waiting()
    assert not Arrival.objects.exists()
    assert Instance.objects.count() == 4
