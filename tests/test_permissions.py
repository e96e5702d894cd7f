"""Every endpoint, asked by everybody: anonymous, wrong role, other doctor, right doctor, admin."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.invitations import invite
from accounts.models import DoctorApplication, User
from dicom.dimse.retrievals import request_retrieval
from dicom.inbox.services import Source, receive
from dicom.models import Delivery, Peer
from inference.models import Analysis, SeriesAnalysis
from inference.reviews.services import review
from inference.series.masks import pack
from patients.history.attachments import attach
from patients.history.files import check_file
from patients.models import Notice, Patient
from patients.team.emergency import open_file
from reports.archives.services import request_archive
from scans.models import Instance, Scan, Series
from scans.opinions import services as opinions
from scans.series.services import file_instance
from scans.uploads.services import begin
from tests.factories import UserFactory
from tests.samples import sample
from tests.series.make import as_bytes, make_series, uid

TUS = {"Tus-Resumable": "1.0.0"}
COLLEAGUE = UUID(int=2)
PEER = UUID(int=5)
# What DICOMweb calls the slice that `filed` keeps.
NAMES = {
    "study_uid": uid("study", "1"),
    "series_uid": uid("series", "1", "1"),
    "instance_uid": uid("instance", "1.1.0"),
    "numbers": "1",
    "element": "7FE00010",
}
EMERGENCY = {
    "family_name": "Haddad",
    "birth_date": "1980-02-29",
    "reason": "Brought in unconscious, had a seizure.",
}
FHIR_PATIENT = {"resourceType": "Patient", "name": [{"family": "Khoury"}]}
PUBLIC_ROUTES = {"home", "schema", "docs", "live", "ready", "closed", "oauth-token"}
# Pages that show nothing themselves, and only where a viewer is set up.
PUBLIC_ROUTES |= {"viewer", "viewer-page", "viewer-sign-in", "viewer-settings"}
PUBLIC_ROUTES |= {"fhir-metadata", "fhir-smart", "fhir-nothing", "fhir-nothing-here"}
PROTOCOLS = ("api/", "oauth/", "dicomweb/", "viewer/", "fhir/")


@dataclass(frozen=True)
class Endpoint:
    """One method of one route.

    status: what the patient's doctor gets, and an admin unless `admin` says otherwise. students,
    other: what students and a doctor of other patients get; 404 wherever a patient is concerned.
    anonymous: what everybody gets where nobody needs to sign in.
    """

    method: str
    route: str
    status: int = 200
    students: int = 404
    other: int = 404
    admin: int | None = None
    anonymous: int = 401
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    multipart: bool = False
    sample: str = "meningioma"

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


ENDPOINTS = [
    Endpoint("get", "me", students=200, other=200),
    Endpoint("patch", "me", students=200, other=200, body={"specialty": "Neurology"}),
    Endpoint("get", "invitations", 404, admin=200),
    Endpoint("post", "invitations", 404, admin=201, body={"email": "a@b.org", "role": "doctor"}),
    Endpoint("delete", "invitation", 404, admin=204),
    Endpoint("post", "invitation-send", 404, admin=200),
    Endpoint("post", "invitation-accept", 400, students=400, other=400, anonymous=400),
    Endpoint("get", "applications", 404, admin=200),
    Endpoint("post", "applications", 400, students=400, other=400, anonymous=400),
    Endpoint("post", "application-verify", 400, students=400, other=400, anonymous=400),
    Endpoint("post", "application-approve", 404, admin=200),
    Endpoint("post", "application-refuse", 404, admin=200, body={"reason": "No licence."}),
    Endpoint("get", "my-audit", students=200, other=200),
    Endpoint("get", "audit", 404, admin=200),
    Endpoint("get", "tumor-list", students=200, other=200),
    Endpoint("get", "tumor-detail", students=200, other=200),
    Endpoint("get", "changes", other=200),
    Endpoint("get", "events", other=200),
    Endpoint("get", "patients", other=200),
    Endpoint("post", "patients", 201, other=201, body={"family_name": "Khoury"}),
    Endpoint("get", "patient"),
    Endpoint("patch", "patient", body={"given_name": "Rima"}, headers={"If-Match": "*"}),
    Endpoint("get", "patient-history"),
    Endpoint("post", "patient-history", 201, body={"kind": "note", "data": {"text": "Seen."}}),
    Endpoint("post", "attachments", 201, multipart=True),
    Endpoint("get", "history-entry"),
    Endpoint(
        "patch", "history-entry", body={"data": {"text": "Letter"}}, headers={"If-Match": "*"}
    ),
    Endpoint("delete", "history-entry", body={"reason": "Blurred."}, headers={"If-Match": "*"}),
    Endpoint("get", "history-versions"),
    Endpoint("get", "history-file"),
    Endpoint("get", "icd10", students=200, other=200),
    Endpoint("get", "patient-audit"),
    Endpoint(
        "post", "patient-merge", 404, admin=400, body={"absorb": str(UUID(int=1)), "reason": "One."}
    ),
    Endpoint("get", "merges", 404, admin=200),
    Endpoint("post", "merge-undo", 404),
    Endpoint("get", "team"),
    Endpoint("post", "team", 201, body={"user": str(COLLEAGUE)}),
    Endpoint("patch", "team-member", body={"level": "reader"}),
    Endpoint("delete", "team-member", 204),
    Endpoint("post", "hand-over", body={"to": str(COLLEAGUE), "stay_as": "writer"}),
    Endpoint("get", "colleagues", other=200),
    Endpoint("post", "emergency-access", 409, other=201, body=EMERGENCY),
    Endpoint("get", "emergencies"),
    Endpoint("get", "emergency"),
    Endpoint("post", "emergency-review", body={"comment": "That was right."}),
    Endpoint("post", "emergency-end"),
    Endpoint("get", "notices", other=200),
    Endpoint("post", "notice-read", admin=404),
    Endpoint(
        "post", "opinion-ask", 201, body={"colleague": str(COLLEAGUE), "question": "What is it?"}
    ),
    Endpoint("get", "opinions", other=200),
    Endpoint("get", "opinion"),
    Endpoint("post", "opinion-answer", 403, body={"comment": "A meningioma."}),
    Endpoint("post", "opinion-decline", 403, body={"reason": "Not my field."}),
    Endpoint("post", "opinion-withdraw"),
    Endpoint("get", "scans"),
    Endpoint("post", "scans", 201, multipart=True),
    Endpoint("post", "patient-uploads", 201, headers={**TUS, "Upload-Length": "10"}),
    Endpoint("get", "upload", admin=404),
    Endpoint("patch", "upload", 415, admin=404, headers=TUS),
    Endpoint("delete", "upload", 204, admin=404, headers=TUS),
    Endpoint("get", "scan"),
    Endpoint("get", "scan-file"),
    Endpoint("get", "scan-preview"),
    Endpoint("get", "studies"),
    Endpoint("post", "studies", 201, multipart=True, sample="dicom"),
    Endpoint("get", "study"),
    Endpoint("get", "study-deidentified"),
    Endpoint("get", "series"),
    Endpoint("patch", "series", body={"chosen": True}, headers={"If-Match": "*"}),
    Endpoint("get", "series-instances"),
    Endpoint("get", "series-thumbnail"),
    Endpoint("get", "series-deliveries"),
    Endpoint("post", "delivery-retry", 404, admin=200),
    Endpoint("get", "instance-file"),
    Endpoint("get", "scan-analyses"),
    Endpoint("post", "scan-analyses", 201),
    Endpoint("get", "analysis"),
    Endpoint("get", "analysis-events"),
    Endpoint("get", "scan-report"),
    Endpoint("get", "patient-report"),
    Endpoint("post", "patient-archive", 202),
    Endpoint("get", "archive"),
    Endpoint("get", "archive-file", 409),
    Endpoint("delete", "patient", 403, admin=204, body={"reason": "They asked for it."}),
    Endpoint("get", "analysis-mask"),
    Endpoint("get", "analysis-overlay"),
    Endpoint("get", "analysis-heatmap"),
    Endpoint("post", "analysis-cancel", 409),
    Endpoint("post", "analysis-retry", 409),
    Endpoint("post", "review", 201, admin=403, body={"decision": "signed"}),
    Endpoint("get", "releases", other=200),
    Endpoint("get", "series-analyses"),
    Endpoint("post", "series-analyses", 201),
    Endpoint("get", "series-analysis"),
    Endpoint("get", "series-analysis-events"),
    Endpoint("post", "series-analysis-cancel", 409),
    Endpoint("post", "series-analysis-retry", 409),
    Endpoint("get", "series-analysis-overlay"),
    Endpoint("get", "series-analysis-heatmap"),
    Endpoint("get", "series-analysis-masks"),
    Endpoint("get", "series-analysis-mask"),
    Endpoint("get", "series-reviews"),
    Endpoint("post", "series-reviews", 201, admin=403, body={"decision": "confirmed"}),
    Endpoint("get", "reviews"),
    Endpoint("get", "review-mask"),
    Endpoint("get", "review-overlay"),
    Endpoint("get", "analysis-comments"),
    Endpoint("post", "analysis-comments", 201, body={"text": "Look again."}),
    Endpoint("get", "progress"),
    Endpoint("get", "progress-svg"),
    Endpoint("get", "progress-png"),
    Endpoint("get", "peers", other=200),
    Endpoint("post", "peers", 404, admin=201, body={"name": "PACS"}),
    Endpoint("get", "peer", other=200),
    Endpoint("patch", "peer", 404, admin=200, body={"port": 104}, headers={"If-Match": "*"}),
    Endpoint("delete", "peer", 404, admin=204),
    Endpoint("post", "peer-echo", 404, admin=400),
    Endpoint("get", "peer-studies", 400, other=400),
    Endpoint("get", "retrievals"),
    Endpoint("post", "retrievals", 202, body={"peer": str(PEER), "study_uid": "1.2.3"}),
    Endpoint("get", "retrieval"),
    Endpoint("get", "dicomweb-studies", other=200),
    Endpoint("post", "dicomweb-studies", 415, other=415),
    Endpoint("get", "dicomweb-all-series", other=200),
    Endpoint("get", "dicomweb-all-instances", other=200),
    Endpoint("get", "dicomweb-study"),
    Endpoint("post", "dicomweb-study", 415, other=415),
    Endpoint("get", "dicomweb-study-metadata"),
    Endpoint("get", "dicomweb-study-thumbnail"),
    Endpoint("get", "dicomweb-study-series", other=200),
    Endpoint("get", "dicomweb-study-instances", other=200),
    Endpoint("get", "dicomweb-series"),
    Endpoint("get", "dicomweb-series-metadata"),
    Endpoint("get", "dicomweb-series-thumbnail"),
    Endpoint("get", "dicomweb-series-instances", other=200),
    Endpoint("get", "dicomweb-instance"),
    Endpoint("get", "dicomweb-instance-metadata"),
    Endpoint("get", "dicomweb-instance-rendered"),
    Endpoint("get", "dicomweb-instance-thumbnail"),
    Endpoint("get", "dicomweb-bulkdata"),
    Endpoint("get", "dicomweb-frames"),
    Endpoint("get", "dicomweb-frame-rendered"),
    Endpoint("get", "dicomweb-frame-thumbnail"),
    Endpoint("get", "fhir-type", other=200),
    Endpoint("post", "fhir-type", 201, other=201, body=FHIR_PATIENT),
    Endpoint("post", "fhir-search", other=200),
    Endpoint("get", "fhir-resource"),
    Endpoint("put", "fhir-resource", body=FHIR_PATIENT, headers={"If-Match": "*"}),
    Endpoint("get", "fhir-everything"),
    Endpoint("get", "fhir-binary"),
    Endpoint("get", "agreement", other=200),
    Endpoint("get", "agreement-table", other=200),
    Endpoint("get", "inbox", other=200),
    Endpoint("get", "inbox-group", other=200),
    Endpoint("get", "inbox-thumbnail", other=200),
    Endpoint("post", "inbox-assign", 400, other=400, body={"patient": str(UUID(int=1))}),
    Endpoint("post", "inbox-discard", 403, other=403, admin=200, body={"reason": "A phantom."}),
]

Api = Callable[[User | None], APIClient]


@pytest.fixture(params=ENDPOINTS, ids=str)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    return request.param


@pytest.fixture
def ask(endpoint: Endpoint, api: Api, done: Analysis, doctor: User) -> Callable[[User | None], Any]:
    """Return a function that sends the endpoint's request, about `done`, as somebody."""
    known = {
        "slug": "glioma",
        "patient_id": done.scan.patient_id,
        "scan_id": done.scan_id,
        "analysis_id": done.id,
        "upload_id": begin(user=doctor, patient=done.scan.patient, length=10).id,
        "peer_id": PEER,
        "retrieval_id": fetched(done.scan.patient, doctor),
        "archive_id": request_archive(user=doctor, patient=done.scan.patient).id,
        "entry_id": attached(done.scan.patient, doctor),
        "merge_id": UUID(int=1),
        **shared(done.scan, doctor),
        **asking_in(),
        **filed(done.scan.patient),
        "key": arrived(),
        "version": 1,
        "index": 0,
        **NAMES,
        "resource_type": "Patient",
        "resource_id": done.scan.patient_id,
        "document_id": done.id,
    }
    needed = get_resolver().reverse_dict.getlist(endpoint.route)[0][0][0][1]
    url = reverse(endpoint.route, kwargs={name: known[name] for name in needed})
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


def shared(scan: Scan, doctor: User) -> dict[str, UUID]:
    """Let one colleague into the file in an emergency, ask another about the scan."""
    patient = scan.patient
    Patient.objects.filter(pk=patient.pk).update(birth_date=EMERGENCY["birth_date"])
    rescuer, adviser = UserFactory.create_batch(2, role=User.Role.DOCTOR)
    UserFactory.create(pk=COLLEAGUE, role=User.Role.DOCTOR)
    access = open_file(doctor=rescuer, patient=patient, reason=EMERGENCY["reason"])
    opinion = opinions.ask(scan=scan, by=doctor, colleague=adviser, question="Glioma?")
    return {
        "user_id": rescuer.pk,
        "emergency_id": access.pk,
        "opinion_id": opinion.pk,
        "notice_id": Notice.objects.get(user=doctor).pk,
    }


def fetched(patient: Patient, doctor: User) -> UUID:
    peer = Peer.objects.create(pk=PEER, name="Archive")
    return request_retrieval(user=doctor, patient=patient, peer=peer, study_uid="1.2").pk


def attached(patient: Patient, doctor: User) -> UUID:
    file = check_file(SimpleUploadedFile("letter.jpg", sample("glioma").read_bytes()))
    return attach(patient=patient, author=doctor, file=file, occurred_at=timezone.now()).pk


def filed(patient: Patient) -> dict[str, UUID]:
    """A series with one slice stands in the file."""
    [one] = make_series(slices=1)
    instance = file_instance(patient=patient, data=as_bytes(one)).instance
    return {
        "study_id": instance.series.study_id,
        "series_id": instance.series_id,
        "instance_id": instance.pk,
        "series_analysis_id": reading_of(instance.series),
        "delivery_id": given_up(instance),
    }


def given_up(instance: Instance) -> UUID:
    peer = Peer.objects.create(name="Far away")
    return Delivery.objects.create(instance=instance, peer=peer, status="failed").pk


def arrived() -> UUID:
    """An object that nobody's number is in, by the key of its group in the inbox."""
    peer = Peer.objects.create(name="MR 1", issuer="St. Mary")
    (dataset,) = make_series(slices=1)
    received = receive(data=as_bytes(dataset), source=Source(peer, None, "MR1"))
    assert received.arrival is not None
    return received.arrival.group


def reading_of(series: Series) -> UUID:
    """A reading of the series that is done, with the smallest files there can be."""
    analysis = SeriesAnalysis(series=series, status="done", label="glioma", slices_total=1)
    packed = np.packbits(np.eye(8, dtype=bool), axis=-1)
    contents = {"masks": pack([packed], [(8, 8)]), "overlay": b"PNG", "heatmap": b"PNG"}
    for name, content in contents.items():
        analysis.files[name].save(name, ContentFile(content), save=False)
    analysis.save(force_insert=True)
    return analysis.pk


def asking_in() -> dict[str, UUID]:
    """Somebody is invited, somebody else applied and waits."""
    by = UserFactory.create(role=User.Role.ADMIN)
    invitation = invite(email="invited@example.org", role=User.Role.DOCTOR, by=by)
    application = DoctorApplication.objects.create(
        email="waiting@example.org",
        first_name="Lina",
        last_name="Saad",
        status=DoctorApplication.Status.WAITING,
        code_expires_at=timezone.now(),
    )
    return {"invitation_id": invitation.id, "application_id": application.id}


def test_anonymous_is_asked_to_sign_in(ask: Any, endpoint: Endpoint) -> None:
    answer = ask(None)
    assert answer.status_code == endpoint.anonymous
    assert (code_of(answer.json()) == "not_authenticated") == (endpoint.anonymous == 401)


def code_of(body: Any) -> str:
    """Our stable code, which FHIR's errors have within."""
    if body.get("resourceType") == "OperationOutcome":
        return body["issue"][0]["details"]["coding"][0]["code"]
    return body["code"]


def test_student(ask: Any, endpoint: Endpoint, student: User) -> None:
    assert ask(student).status_code == endpoint.students


def test_doctor_of_other_patients(ask: Any, endpoint: Endpoint, other_doctor: User) -> None:
    assert ask(other_doctor).status_code == endpoint.other


def test_doctor_of_the_patient(ask: Any, endpoint: Endpoint, doctor: User) -> None:
    assert ask(doctor).status_code == endpoint.status


def test_admin(ask: Any, endpoint: Endpoint, admin: User) -> None:
    assert ask(admin).status_code == (endpoint.admin or endpoint.status)


def test_what_is_not_there_looks_like_what_one_may_not_see(
    endpoint: Endpoint, ask: Any, other_doctor: User, done: Analysis
) -> None:
    hidden = ask(other_doctor)
    done.scan.patient.delete()
    missing = ask(other_doctor)
    assert endpoint.other != 404 or (
        (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
    )


def test_every_route_of_the_api_is_listed_here() -> None:
    listed = {endpoint.route for endpoint in ENDPOINTS} | PUBLIC_ROUTES
    assert set(own_routes(get_resolver())) == listed


def own_routes(resolver: URLResolver) -> list[str]:
    """Names of all routes that are ours (Django's admin and allauth have their own tests)."""
    found: list[str] = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            found.append(str(entry.name))
        elif str(entry.pattern).startswith(PROTOCOLS) or not str(entry.pattern):
            found += own_routes(entry)
    return found
