"""Reports go to other servers: once each time they change, whatever gets lost on the way."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from fhir.models import Push, Subscriber
from fhir.push import services
from fhir.tasks import push as push_task
from fhir.tasks import sweep_pushes
from inference.reviews.services import review
from tests.fhir.make import File, decide

Body = dict[str, Any]


class Server:
    """A FHIR server that answers with what it is told to, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.sent: list[tuple[dict[str, str], Body]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.sent.append((dict(self.headers), json.loads(self.rfile.read(length))))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/fhir"

    @property
    def bundles(self) -> list[Body]:
        return [body for _, body in self.sent]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def subscriber(server: Server, file: File) -> Subscriber:
    return Subscriber.objects.create(name="EHR", base_url=server.url)


def sweep() -> None:
    """What beat and a worker do, without a broker between them."""
    sweep_pushes()
    for push in Push.objects.filter(status=Push.Status.WAITING):
        push_task(str(push.pk))


def due_now() -> None:
    Push.objects.update(due_at=timezone.now())


def resources(bundle: Body) -> dict[str, Body]:
    return {entry["request"]["url"]: entry["resource"] for entry in bundle["entry"]}


def test_a_reviewed_report_goes_out_whole_and_once(
    server: Server, subscriber: Subscriber, file: File, doctor: User
) -> None:
    sweep()
    assert not server.sent  # nobody has reviewed it
    decide(file.series_analysis, doctor, "confirmed", "glioma")
    sweep()
    sweep()
    (bundle,) = server.bundles
    assert bundle["type"] == "transaction"
    assert {entry["request"]["method"] for entry in bundle["entry"]} == {"PUT"}
    sent = resources(bundle)
    report = sent[f"DiagnosticReport/{file.series_analysis.pk}"]
    assert report["status"] == "final"
    assert "presentedForm" not in report
    told = [f"Patient/{file.patient.pk}", f"ImagingStudy/{file.study.pk}", "Device/2026.11"]
    for reference in [*told, f"Practitioner/{doctor.pk}"]:
        assert reference in sent
    for result in report["result"]:
        assert sent[result["reference"]]["status"] == "final"
    event = Event.objects.get(action="fhir.push")
    assert (event.patient_id, event.details["to"]) == (file.patient.pk, "EHR")


def test_what_a_doctor_changes_is_sent_again(
    server: Server, subscriber: Subscriber, file: File, doctor: User
) -> None:
    for decision, label in (("confirmed", "glioma"), ("rejected", "")):
        decide(file.series_analysis, doctor, decision, label)
        sweep()
    first, second = (
        resources(bundle)[f"DiagnosticReport/{file.series_analysis.pk}"]
        for bundle in server.bundles
    )
    assert (first["status"], second["status"]) == ("final", "entered-in-error")
    assert Push.objects.count() == 1
    review(user=doctor, analysis=file.analysis, decision="signed")
    sweep()
    assert f"DiagnosticReport/{file.analysis.pk}" in resources(server.bundles[-1])


def test_a_server_that_fails_gets_it_later(
    server: Server, subscriber: Subscriber, file: File, doctor: User
) -> None:
    server.answers = [503, 401]
    decide(file.series_analysis, doctor, "confirmed", "glioma")
    sweep()
    push = Push.objects.get()
    assert (push.status, push.attempts) == (Push.Status.WAITING, 1)
    assert "503" in push.error
    assert push.due_at > timezone.now()
    for _ in range(2):
        due_now()
        sweep()
    push.refresh_from_db()
    assert (push.status, push.attempts, len(server.sent)) == (Push.Status.DONE, 3, 3)


def test_what_is_refused_is_given_up_until_an_admin_sends_it_again(
    server: Server, subscriber: Subscriber, file: File, doctor: User, admin_site: Client
) -> None:
    server.answers = [422]
    decide(file.series_analysis, doctor, "confirmed", "glioma")
    sweep()
    due_now()
    sweep()
    push = Push.objects.get()
    assert (push.status, len(server.sent)) == (Push.Status.FAILED, 1)
    shown = admin_site.get(reverse("admin:fhir_push_changelist")).content.decode()
    assert "HTTP 422" in shown
    assert admin_site.get(reverse("admin:fhir_push_change", args=[push.pk])).status_code == 200
    action = {"action": "send_again", "_selected_action": [str(push.pk)]}
    admin_site.post(reverse("admin:fhir_push_changelist"), action)
    sweep()
    push.refresh_from_db()
    assert (push.status, len(server.sent)) == (Push.Status.DONE, 2)
    assert Event.objects.filter(action="push.retry", patient_id=file.patient.pk).exists()


def test_who_has_no_number_of_theirs_any_more_is_not_sent(
    server: Server, subscriber: Subscriber, file: File, doctor: User
) -> None:
    Subscriber.objects.update(issuer="1.2.40.0.10")
    decide(file.series_analysis, doctor, "confirmed", "glioma")
    sweep_pushes()
    file.patient.identifiers.filter(issuer="1.2.40.0.10").delete()
    push_task(str(Push.objects.get().pk))
    assert (Push.objects.get().status, server.sent) == (Push.Status.FAILED, [])


def test_a_worker_that_dies_or_comes_too_late_loses_nothing(
    server: Server, subscriber: Subscriber, file: File, doctor: User, monkeypatch: Any
) -> None:
    decide(file.series_analysis, doctor, "confirmed", "glioma")
    sweep_pushes()
    push = Push.objects.get()

    def decided_meanwhile(*args: object) -> None:
        decide(file.series_analysis, doctor, "corrected", "meningioma")
        services.push_missing()

    with monkeypatch.context() as patched:
        patched.setattr("fhir.push.client.send", decided_meanwhile)
        push_task(str(push.pk))
    push.refresh_from_db()
    assert push.status == Push.Status.WAITING  # the newer one still has to go
    Push.objects.update(status=Push.Status.RUNNING)  # a worker took it and died
    due_now()
    sweep()
    (bundle,) = server.bundles
    assert resources(bundle)[f"DiagnosticReport/{file.series_analysis.pk}"]["status"] == "corrected"
    push_task(str(push.pk))  # its message comes twice
    assert len(server.sent) == 1


def test_who_gets_what(
    server: Server, subscriber: Subscriber, file: File, doctor: User, monkeypatch: Any
) -> None:
    monkeypatch.setenv("PEER_EHR", "s3cret")
    Subscriber.objects.filter(pk=subscriber.pk).update(
        preliminary=True, secret="PEER_EHR", issuer="1.2.40.0.10", patients="theirs"
    )
    later = {"base_url": "http://127.0.0.1:1", "preliminary": True}
    Subscriber.objects.create(name="Other issuer", issuer="Nowhere", **later)
    Subscriber.objects.create(name="Off", active=False, **later)
    Subscriber.objects.update(since=timezone.now())
    sweep()
    assert not server.sent  # it was read before anybody wanted it
    type(file.series_analysis).objects.update(finished_at=timezone.now())
    sweep()
    ((headers, bundle),) = server.sent
    assert headers["Authorization"] == "Bearer s3cret"
    sent = resources(bundle)
    assert not any(path.startswith("Patient/") for path in sent)
    report = sent[f"DiagnosticReport/{file.series_analysis.pk}"]
    assert report["status"] == "preliminary"
    assert report["subject"] == {"reference": "Patient?identifier=urn:oid:1.2.40.0.10|991"}
    with pytest.raises(ValidationError):
        Subscriber(name="x", base_url="http://x.example", patients="theirs").full_clean()
