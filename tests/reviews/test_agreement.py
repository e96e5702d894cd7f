"""How often doctors agree: over their own patients, admins over all."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from inference import runs
from inference.models import Analysis
from inference.reviews.services import review
from inference.services import upload_and_analyse
from patients.models import Patient
from patients.services import create_patient
from tests.samples import SAMPLES, sample

SQUARE = [[[99.5, 99.5], [179.5, 99.5], [179.5, 159.5], [99.5, 159.5]]]
Read = Callable[..., Analysis]


@pytest.fixture
def read() -> Read:
    def read(user: User, patient: Patient, name: str = "glioma_1.jpg") -> Analysis:
        file = SimpleUploadedFile(name, (SAMPLES / name).read_bytes())
        analysis = upload_and_analyse(user=user, patient=patient, file=file)
        runs.run(analysis.id)
        analysis.refresh_from_db()
        return analysis

    return read


@pytest.fixture
def reviewed(done: Analysis, doctor: User, patient: Patient, read: Read) -> list[Analysis]:
    """Three readings: one signed after it had been rejected, one corrected, one rejected."""
    review(user=doctor, analysis=done, decision="rejected", reason="Too fast.")
    review(user=doctor, analysis=done, decision="signed", supersedes=1)
    wrong = read(doctor, patient, "meningioma_1.jpg")
    review(user=doctor, analysis=wrong, decision="corrected", label="pituitary", outline=SQUARE)
    blurred = read(doctor, patient, "glioma_2.jpg")
    review(user=doctor, analysis=blurred, decision="rejected", reason="Motion.")
    return [done, wrong, blurred]


def ask(client: APIClient, **query: Any) -> Any:
    answer = client.get(reverse("agreement"), query)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_it_counts_what_doctors_say_now(as_doctor: APIClient, reviewed: list[Analysis]) -> None:
    body = ask(as_doctor)
    assert body["reviewed"] == 3
    assert body["decisions"] == {"signed": 1, "corrected": 1, "rejected": 1}
    assert body["labels"] == {"agreed": 1, "n": 2, "share": 0.5}
    assert body["confusion"]["glioma"]["glioma"] == 1
    assert body["confusion"][reviewed[1].label]["pituitary"] == 1
    assert sum(n for row in body["confusion"].values() for n in row.values()) == 2
    dice = reviewed[1].reviews.get().dice or 0
    assert body["dice_corrected"] == {"mean": pytest.approx(dice, abs=1e-4), "n": 1}
    assert body["dice"] == {"mean": pytest.approx((1 + dice) / 2, abs=1e-4), "n": 2}
    (release,) = body["by_release"]
    assert (release["release"], release["reviewed"]) == (reviewed[0].release, 3)
    assert sum(group["reviewed"] for group in body["by_label"]) == 3
    assert sum(group["reviewed"] for group in body["by_month"]) == 3


def test_by_class_release_and_period(as_doctor: APIClient, reviewed: list[Analysis]) -> None:
    models_label = reviewed[1].label
    assert ask(as_doctor, label=models_label)["decisions"]["corrected"] == 1
    assert ask(as_doctor, release=reviewed[0].release)["reviewed"] == 3
    assert ask(as_doctor, release="2000.01")["reviewed"] == 0
    first = reviewed[0].reviews.get(is_current=True).created_at
    assert ask(as_doctor, until=first.isoformat())["reviewed"] == 0
    assert ask(as_doctor, since=first.isoformat())["reviewed"] == 3
    for query in ({"label": "abscess"}, {"since": "yesterday"}, {"patient": "x"}):
        assert as_doctor.get(reverse("agreement"), query).status_code == 400


def test_each_sees_their_own_patients_and_admins_all(
    api: Any, reviewed: list[Analysis], other_doctor: User, admin: User, read: Read
) -> None:
    theirs = create_patient(user=other_doctor, family_name="Nasser")
    own = read(other_doctor, theirs)
    review(user=other_doctor, analysis=own, decision="signed")
    assert ask(api(other_doctor))["reviewed"] == 1
    assert ask(api(reviewed[0].requested_by))["reviewed"] == 3
    assert ask(api(admin))["reviewed"] == 4
    table = b"".join(api(other_doctor).get(reverse("agreement-table"))).decode()
    assert len(table.splitlines()) == 2


def test_nothing_reviewed_is_an_answer_too(as_doctor: APIClient, done: Analysis) -> None:
    body = ask(as_doctor)
    assert body["reviewed"] == 0
    assert body["labels"]["share"] is None
    assert body["dice"] == {"mean": None, "n": 0}


def test_more_readings_cost_no_more_queries(
    as_doctor: APIClient, done: Analysis, doctor: User, patient: Patient, read: Read
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            ask(as_doctor)
            b"".join(as_doctor.get(reverse("agreement-table")))
            as_doctor.get(reverse("scans", args=[patient.id]))
        return len(asked)

    review(user=doctor, analysis=done, decision="signed")
    before = queries()
    for name in ("glioma_2.jpg", "meningioma_1.jpg"):
        review(user=doctor, analysis=read(doctor, patient, name), decision="rejected", reason="x")
    assert queries() == before


def test_the_table_has_a_row_for_each_and_no_identities(
    as_doctor: APIClient, reviewed: list[Analysis], patient: Patient, doctor: User
) -> None:
    answer = as_doctor.get(reverse("agreement-table"))
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer).decode()
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["decision"] for row in rows] == ["signed", "corrected", "rejected"]
    assert rows[1]["doctor_label"] == "pituitary"
    assert rows[1]["doctor_area_px"] == str(80 * 60)
    assert float(rows[0]["dice"]) == 1
    secret = [patient.family_name, patient.given_name, str(patient.id), str(doctor), doctor.email]
    secret += [str(a.id) for a in reviewed] + [str(a.scan_id) for a in reviewed] + ["Motion"]
    assert not [word for word in secret if word in text]


def test_a_cell_is_never_a_formula(as_doctor: APIClient, done: Analysis, doctor: User) -> None:
    review(user=doctor, analysis=done, decision="signed")
    Analysis.objects.update(release='=HYPERLINK("http://x")')
    (row,) = csv.DictReader(StringIO(b"".join(as_doctor.get(reverse("agreement-table"))).decode()))
    assert row["release"].startswith("'=")


def test_who_asked_is_written_down(as_doctor: APIClient, doctor: User) -> None:
    ask(as_doctor, label="glioma")
    as_doctor.get(reverse("agreement-table"))
    events = Event.objects.filter(action__startswith="agreement.", user_id=doctor.id)
    assert sorted(event.action for event in events) == ["agreement.export", "agreement.read"]


def test_a_slice_of_a_healthy_head_can_be_signed(
    as_doctor: APIClient, doctor: User, patient: Patient, read: Read
) -> None:
    healthy = read(doctor, patient, sample("no_tumor").name)
    assert healthy.label == "no_tumor"
    signed = review(user=doctor, analysis=healthy, decision="signed")
    assert (signed.outline, signed.dice, signed.measurements) == ("none", None, None)
    assert ask(as_doctor)["dice"]["n"] == 0
