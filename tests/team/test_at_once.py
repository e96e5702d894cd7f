"""What two people do in the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import User
from patients.access import Level
from patients.models import CareTeamMember, EmergencyAccess, Patient
from patients.services import create_patient
from tests.team.conftest import Api, levels

ROUNDS = 5

pytestmark = [
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="SQLite in memory has table locks; in a file every transaction has the write lock",
    ),
    pytest.mark.django_db(transaction=True),
]


def owned_by(*owners: User) -> Patient:
    patient = create_patient(user=owners[0], family_name="Haddad")
    for owner in owners[1:]:
        CareTeamMember.objects.create(patient=patient, user=owner, level=Level.OWNER)
    return patient


def at_once(*calls: Callable[[], Any]) -> list[int]:
    """Make all calls in the same moment; return their status codes, in the order given."""
    together = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> int:
        try:
            together.wait()
            return call().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_owners_who_leave_at_once_leave_one_behind(
    api: Api, doctor: User, other_doctor: User
) -> None:
    for _ in range(ROUNDS):
        patient = owned_by(doctor, other_doctor)

        def leave(user: User, patient: Patient = patient) -> Any:
            return api(user).delete(reverse("team-member", args=[patient.id, user.pk]))

        codes = at_once(partial(leave, doctor), partial(leave, other_doctor))
        assert sorted(codes) == [204, 409]
        assert list(levels(patient).values()) == [Level.OWNER]


def test_of_two_owners_who_lower_each_other_one_stays(
    api: Api, doctor: User, other_doctor: User
) -> None:
    for _ in range(ROUNDS):
        patient = owned_by(doctor, other_doctor)

        def lower(by: User, user: User, patient: Patient = patient) -> Any:
            address = reverse("team-member", args=[patient.id, user.pk])
            return api(by).patch(address, {"level": "reader"})

        codes = at_once(partial(lower, doctor, other_doctor), partial(lower, other_doctor, doctor))
        assert sorted(codes) == [200, 403]  # the second finds that they may not any more
        assert sorted(levels(patient).values()) == [Level.READER, Level.OWNER]


def test_who_is_removed_in_that_moment_hands_nothing_over(
    api: Api, doctor: User, other_doctor: User, third_doctor: User
) -> None:
    given = {"to": str(third_doctor.pk), "stay_as": None}
    for _ in range(ROUNDS):
        patient = owned_by(doctor, other_doctor)
        member = reverse("team-member", args=[patient.id, other_doctor.pk])
        address = reverse("hand-over", args=[patient.id])
        removed, handed = at_once(
            partial(api(doctor).delete, member), partial(api(other_doctor).post, address, given)
        )
        assert (removed, handed) in [(204, 404), (404, 200)]
        assert (third_doctor in levels(patient)) == (handed == 200)
        assert other_doctor not in levels(patient)


def test_guesses_at_once_count_like_guesses_one_by_one(
    api: Api, doctor: User, other_doctor: User, settings: Any
) -> None:
    settings.EMERGENCY_ACCESS_PER_DAY = 2
    patient = create_patient(user=doctor, family_name="Haddad")
    address = reverse("emergency-access")

    def guess(patient_id: object) -> Any:
        given = {"patient": str(patient_id), "reason": "Unconscious, had a seizure."}
        return api(other_doctor).post(address, given)

    codes = at_once(*[partial(guess, uuid4()) for _ in range(5)])
    assert sorted(codes) == [404, 404, 429, 429, 429]
    assert guess(patient.id).status_code == 429
    assert not EmergencyAccess.objects.exists()


def test_one_emergency_opens_the_file_once(api: Api, doctor: User, other_doctor: User) -> None:
    patient = create_patient(user=doctor, family_name="Haddad")
    given = {"patient": str(patient.id), "reason": "Unconscious, had a seizure."}
    address = reverse("emergency-access")
    calls = [partial(api(other_doctor).post, address, given) for _ in range(3)]
    assert sorted(at_once(*calls)) == [201, 409, 409]
    assert EmergencyAccess.objects.count() == 1
