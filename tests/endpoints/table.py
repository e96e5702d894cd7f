"""Every endpoint, what it is sent, and what each kind of caller gets from it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

TUS = {"Tus-Resumable": "1.0.0"}
COLLEAGUE = UUID(int=2)
PEER = UUID(int=5)
EMERGENCY = {
    "family_name": "Haddad",
    "birth_date": "1980-02-29",
    "reason": "Brought in unconscious, had a seizure.",
}
FHIR_PATIENT = {"resourceType": "Patient", "name": [{"family": "Khoury"}]}


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
