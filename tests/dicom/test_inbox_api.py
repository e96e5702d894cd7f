"""What waits is shown, assigned and discarded; nothing is lost, and all of it is written down."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from dicom.inbox.services import Source, receive
from dicom.inbox.tasks import discard_expired, file_waiting
from dicom.models import Arrival, Peer
from patients.models import CareTeamMember, Patient
from patients.services import create_patient, update_patient
from scans.models import Instance, Series
from tests.factories import UserFactory
from tests.series.make import as_bytes, make_series

ISSUER = "St. Mary"
NUMBER = {"issuer": ISSUER, "value": "H 17"}


@pytest.fixture
def peer(db: None) -> Peer:
    return Peer.objects.create(name="MR 1", ae_title="MR1", issuer=ISSUER, may_store=True)


@pytest.fixture
def patient(doctor: User) -> Patient:
    return create_patient(
        user=doctor,
        family_name="Haddad",
        given_name="Rana",
        sex="female",
        birth_date=date(1980, 2, 3),
    )


def send(peer: Peer | None, user: User | None = None, **changes: Any) -> None:
    for dataset in make_series(**{"slices": 3, "PatientID": "H 17", **changes}):
        receive(data=as_bytes(dataset), source=Source(peer, user, "MR1"))


def page(api: APIClient) -> list[dict[str, Any]]:
    answer = api.get(reverse("inbox"))
    assert answer.status_code == 200
    groups: list[dict[str, Any]] = answer.json()["results"]
    return groups


def key_of(api: APIClient) -> str:
    (group,) = page(api)
    return str(group["key"])


def assign(api: APIClient, patient: Patient, **more: Any) -> Any:
    body = {"patient": str(patient.pk), **more}
    return api.post(reverse("inbox-assign", args=[key_of(api)]), body)


def test_it_is_grouped_by_study_and_person(peer: Peer, as_doctor: APIClient) -> None:
    send(peer)
    send(peer, PatientName="Haddad^Rania", name="2")
    first, second = sorted(page(as_doctor), key=lambda group: group["patient"]["name"])
    assert first["patient"] == {
        "number": "H 17",
        "issuer": ISSUER,
        "name": "Haddad^Rana",
        "birth_date": "1980-02-03",
        "sex": "F",
    }
    assert (first["count"], first["modality"], first["source"]) == (3, "MR", "MR1")
    assert first["description"] == "MR Brain"
    assert [(r["code"], r["count"]) for r in first["reasons"]] == [("unknown_number", 3)]
    assert second["patient"]["name"] == "Haddad^Rania"
    event = Event.objects.get(action="inbox.list")
    assert set(event.details["groups"]) == {first["key"], second["key"]}


def test_pages_go_on_where_the_last_one_ended(peer: Peer, as_doctor: APIClient) -> None:
    for number in range(5):
        send(peer, PatientID=str(number), slices=1)
    seen, link = [], reverse("inbox") + "?page_size=2"
    while link:
        answer = as_doctor.get(link).json()
        seen += [group["key"] for group in answer["results"]]
        link = answer["next"]
    assert len(seen) == len(set(seen)) == 5


def test_candidates_are_hints_from_the_doctors_own_patients(
    peer: Peer, as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    stranger = UserFactory.create(role=User.Role.DOCTOR)
    create_patient(
        user=stranger, family_name="Haddad", given_name="Rana", birth_date=date(1980, 2, 3)
    )
    elsewhere = [{"issuer": "State", "value": "h 17"}]
    other = create_patient(user=doctor, family_name="X", sex="male", identifiers=elsewhere)
    send(peer)
    shown = as_doctor.get(reverse("inbox-group", args=[key_of(as_doctor)])).json()
    found = {each["patient"]: (each["same"], each["differs"]) for each in shown["candidates"]}
    assert found == {
        str(patient.pk): (["name_and_birth_date"], []),
        str(other.pk): (["number"], ["sex"]),
    }
    assert shown["series"] == [
        {"series_uid": make_series()[0].SeriesInstanceUID, "modality": "MR", "count": 3}
    ]
    assert not Instance.objects.exists()


def test_assigning_files_all_of_it_and_settles_the_series(
    peer: Peer, as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    send(peer)
    answer = assign(as_doctor, patient, add_identifier=True)
    series = Series.objects.get()
    assert answer.json() == {
        "filed": 3,
        "already_there": 0,
        "conflicts": [],
        "series": [str(series.pk)],
    }
    assert series.study.patient == patient
    assert series.settled_at is not None
    assert not Arrival.objects.exists()
    event = Event.objects.get(action="inbox.assign")
    assert (event.patient_id, event.why, event.user_id) == (patient.pk, "team", doctor.pk)
    # The next ones know whose they are.
    send(peer, name="2")
    assert not Arrival.objects.exists()
    assert Instance.objects.count() == 6


def test_without_adding_the_number_the_next_ones_wait_again(
    peer: Peer, as_doctor: APIClient, patient: Patient
) -> None:
    send(peer)
    assign(as_doctor, patient)
    assert not patient.identifiers.exists()
    send(peer, name="2")
    assert Arrival.objects.count() == 3


def test_a_number_of_somebody_else_is_not_added_and_nothing_is_filed(
    peer: Peer, as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    create_patient(user=doctor, family_name="X", birth_date=date(1970, 1, 1), identifiers=[NUMBER])
    send(peer)
    (group,) = page(as_doctor)
    assert group["reasons"][0]["code"] == "other_person"
    answer = assign(as_doctor, patient, add_identifier=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "identifier_taken")
    assert answer.json()["field"] == "add_identifier"
    assert Arrival.objects.count() == 3
    assert not Instance.objects.exists()
    assert assign(as_doctor, patient).json()["filed"] == 3


def test_an_object_that_the_file_has_otherwise_goes_on_waiting(
    peer: Peer, as_doctor: APIClient, patient: Patient
) -> None:
    send(peer)
    assign(as_doctor, patient)
    send(peer)
    send(peer, SeriesDescription="changed")
    answer = assign(as_doctor, patient).json()
    assert (answer["filed"], answer["already_there"]) == (0, 3)
    assert [each["code"] for each in answer["conflicts"]] == ["instance_conflict"] * 3
    assert {arrival.reason for arrival in Arrival.objects.all()} == {"other_content"}
    assert Instance.objects.count() == 3


def test_of_two_who_assign_the_same_group_one_does(
    peer: Peer, as_doctor: APIClient, doctor: User, patient: Patient
) -> None:
    """The second has the page open that the first one's answer has not reached."""
    send(peer)
    key = key_of(as_doctor)
    other = create_patient(user=doctor, family_name="X")
    with patch("dicom.api.inbox.get_group"):  # both had looked before either decided
        for target in (patient, other):
            body = {"patient": str(target.pk)}
            answer = as_doctor.post(reverse("inbox-assign", args=[key]), body)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert {i.series.study.patient for i in Instance.objects.all()} == {patient}
    assert {i.sender_id for i in Instance.objects.all()} == {peer.pk}  # results go there


def test_a_failure_half_way_leaves_all_of_it_waiting(
    peer: Peer, as_doctor: APIClient, patient: Patient
) -> None:
    send(peer)
    as_doctor.raise_request_exception = False
    with patch("dicom.inbox.decisions.settle", side_effect=RuntimeError):
        assert assign(as_doctor, patient).status_code == 500
    assert Arrival.objects.count() == 3
    assert not Instance.objects.exists()
    assert not default_storage.exists(f"patients/{patient.pk}") or not stored(patient)
    assert assign(as_doctor, patient).json()["filed"] == 3


def stored(patient: Patient) -> list[str]:
    folder = f"patients/{patient.pk}/studies"
    return [
        name
        for study in default_storage.listdir(folder)[0]
        for name in default_storage.listdir(f"{folder}/{study}")[1]
    ]


def test_readers_of_a_file_cannot_assign_into_it(
    peer: Peer, as_doctor: APIClient, patient: Patient
) -> None:
    CareTeamMember.objects.update(level=CareTeamMember.Level.READER)
    send(peer)
    answer = assign(as_doctor, patient)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_access")
    CareTeamMember.objects.all().delete()
    answer = assign(as_doctor, patient)
    assert (answer.status_code, answer.json()["code"]) == (400, "does_not_exist")
    assert Arrival.objects.count() == 3


def test_what_has_a_known_number_is_as_open_as_the_file(
    peer: Peer, as_doctor: APIClient, other_doctor: User, admin: User, patient: Patient, api: Any
) -> None:
    create_patient(
        user=other_doctor, family_name="X", birth_date=date(1970, 1, 1), identifiers=[NUMBER]
    )
    send(peer)  # of another birth date: it waits
    assert page(as_doctor) == []
    key = key_of(api(other_doctor))
    assert key_of(api(admin)) == key
    for route in ("inbox-group", "inbox-thumbnail"):
        assert as_doctor.get(reverse(route, args=[key])).status_code == 404
    body = {"patient": str(patient.pk)}
    assert as_doctor.post(reverse("inbox-assign", args=[key]), body).status_code == 404
    assert not Instance.objects.exists()


def test_the_inbox_can_be_for_admins_alone(
    peer: Peer, as_doctor: APIClient, admin: User, settings: Any
) -> None:
    send(peer)
    key = key_of(as_doctor)
    settings.INBOX_FOR_DOCTORS = False
    assert as_doctor.get(reverse("inbox")).status_code == 404
    assert as_doctor.get(reverse("inbox-group", args=[key])).status_code == 404
    assert as_doctor.post(reverse("inbox-assign", args=[key]), {}).status_code == 404
    api = APIClient()
    api.force_authenticate(admin)
    assert key_of(api) == key


def test_admins_discard_with_a_reason(
    peer: Peer, as_doctor: APIClient, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    send(peer)
    url = reverse("inbox-discard", args=[key_of(as_doctor)])
    assert as_doctor.post(url, {"reason": "x"}).status_code == 403
    api = APIClient()
    api.force_authenticate(admin)
    assert api.post(url, {"reason": " "}).status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        assert api.post(url, {"reason": "A phantom."}).json() == {"discarded": 3}
    assert default_storage.listdir("inbox")[1] == []
    assert Event.objects.get(action="inbox.discard").details["reason"] == "A phantom."
    assert api.post(url, {"reason": "Again."}).status_code == 404


def test_a_glimpse(peer: Peer, as_doctor: APIClient) -> None:
    send(peer)
    answer = as_doctor.get(reverse("inbox-thumbnail", args=[key_of(as_doctor)]))
    assert answer["Content-Type"] == "image/png"
    with Image.open(BytesIO(answer.content)) as picture:
        assert picture.size == (32, 32)


def test_what_has_no_picture_says_so(peer: Peer, as_doctor: APIClient) -> None:
    text = "1.2.840.10008.5.1.4.1.1.88.11"  # a structured report
    send(peer, slices=1, SOPClassUID=text, Rows=None, Columns=None, PixelData=None)
    answer = as_doctor.get(reverse("inbox-thumbnail", args=[key_of(as_doctor)]))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_picture")


def test_a_number_that_is_given_later_brings_what_waits_for_it(
    peer: Peer, doctor: User, patient: Patient
) -> None:
    send(peer)
    file_waiting()
    assert Arrival.objects.count() == 3
    update_patient(user=doctor, patient=patient, identifiers=[NUMBER])
    file_waiting()
    assert not Arrival.objects.exists()
    assert {i.series.study.patient for i in Instance.objects.all()} == {patient}
    assert {i.sender_id for i in Instance.objects.all()} == {peer.pk}  # results go there
    assert Series.objects.get().settled_at is not None
    event = Event.objects.get(action="inbox.match")
    assert (event.patient_id, event.details["objects"]) == (patient.pk, 3)


def test_a_number_that_is_given_to_another_person_does_not(
    peer: Peer, doctor: User, patient: Patient
) -> None:
    send(peer)
    update_patient(user=doctor, patient=patient, birth_date=date(1981, 2, 3), identifiers=[NUMBER])
    file_waiting()
    assert {arrival.reason for arrival in Arrival.objects.all()} == {"other_person"}


@pytest.mark.parametrize(
    ("sent", "wrong", "put_right"),
    [
        ({}, {"birth_date": date(1980, 3, 2)}, {"birth_date": date(1980, 2, 3)}),
        ({}, {"birth_date": date(1980, 3, 2)}, {"birth_date": None}),
        ({}, {"sex": "male"}, {"sex": "female"}),
        ({"PatientSex": " f"}, {"sex": "male"}, {"sex": "unknown"}),
        ({"PatientBirthDate": None}, {"sex": "male"}, {"sex": "female"}),
    ],
    ids=str,
)
def test_an_owner_who_is_put_right_gets_what_waits(
    peer: Peer,
    doctor: User,
    patient: Patient,
    sent: dict[str, Any],
    wrong: dict[str, Any],
    put_right: dict[str, Any],
) -> None:
    update_patient(user=doctor, patient=patient, identifiers=[NUMBER], **wrong)
    send(peer, **sent)
    with patch("dicom.inbox.decisions.bytes_of") as read:
        file_waiting()
    assert not read.called  # nothing has changed: it is not read with each sweep
    assert {arrival.reason for arrival in Arrival.objects.all()} == {"other_person"}
    update_patient(user=doctor, patient=patient, **put_right)
    file_waiting()
    assert not Arrival.objects.exists()
    assert {i.series.study.patient for i in Instance.objects.all()} == {patient}


def test_an_owner_who_is_put_half_right_does_not(
    peer: Peer, doctor: User, patient: Patient
) -> None:
    update_patient(user=doctor, patient=patient, identifiers=[NUMBER], sex="male")
    update_patient(user=doctor, patient=patient, birth_date=date(1980, 3, 2))
    send(peer)
    update_patient(user=doctor, patient=patient, sex="female")
    file_waiting()
    assert {arrival.reason for arrival in Arrival.objects.all()} == {"other_person"}


def test_what_an_account_sent_is_filed_only_where_it_may_write(
    doctor: User, patient: Patient
) -> None:
    stranger = UserFactory.create(role=User.Role.DOCTOR)
    send(None, stranger, IssuerOfPatientID=ISSUER)
    update_patient(user=doctor, patient=patient, identifiers=[NUMBER])
    file_waiting()
    assert Arrival.objects.count() == 3
    CareTeamMember.objects.create(patient=patient, user=stranger)
    file_waiting()
    assert not Arrival.objects.exists()


def test_nothing_is_discarded_by_itself_unless_told_when(peer: Peer, settings: Any) -> None:
    send(peer)
    Arrival.objects.update(created_at=timezone.now() - timedelta(days=400))
    send(peer, PatientID="another", slices=1)
    discard_expired()
    assert Arrival.objects.count() == 4
    settings.INBOX_KEEP_DAYS = 365
    discard_expired()
    assert Arrival.objects.get().patient_number == "another"
    assert Event.objects.get(action="inbox.expire").details["objects"] == 3


def test_admins_look_at_it_in_the_admin_site(peer: Peer, admin_site: Client, admin: User) -> None:
    send(peer, slices=1)
    shown = admin_site.get(reverse("admin:dicom_arrival_changelist")).content.decode()
    assert "Nobody here has this number" in shown
    arrival = Arrival.objects.get()
    answer = admin_site.get(reverse("admin:dicom_arrival_change", args=[arrival.pk]))
    assert answer.status_code == 200
    actions = Event.objects.filter(user_id=admin.pk, action__startswith="inbox.")
    assert sorted(actions.values_list("action", flat=True)) == ["inbox.list", "inbox.read"]
