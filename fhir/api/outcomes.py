"""Errors as FHIR has them: an OperationOutcome, whatever went wrong and wherever."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.response import Response

from accounts.models import User
from audit.api.refusals import exception_handler as answer_error
from audit.services import note, noted
from backend.api.errors import whole
from fhir.elements import Json
from fhir.search.pages import patient_behind

MEDIA_TYPE = "application/fhir+json"
ROOT = "/fhir/"
CODES = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    428: "required",
    429: "throttled",
}
LONGEST = 1000


def outcome(*issues: Json) -> Json:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def issue(
    code: str, text: str, *, expression: str = "", severity: str = "error", ours: str = ""
) -> Json:
    """Return one issue.

    Args:
        code: Of FHIR's issue types.
        expression: The element that it is about, as FHIRPath.
        ours: Our own stable code.
    """
    found: Json = {"severity": severity, "code": code}
    if ours:
        found["details"] = {"coding": [{"system": "urn:falx:error", "code": ours}]}
    found["diagnostics"] = whole(text)[:LONGEST] or "There is no more to say."
    if expression:
        found["expression"] = [expression]
    return found


def of_error(status: int, body: Any) -> Json:
    """Turn the body of one of our errors into an OperationOutcome."""
    body = body if isinstance(body, dict) else {}
    if body.get("resourceType") == "OperationOutcome":
        return body
    errors = body.get("errors") or [body]
    default = "invalid" if status < 500 else "exception"
    return outcome(
        *(
            issue(
                CODES.get(status, default),
                str(error.get("message") or "Something went wrong."),
                ours=str(error.get("code") or ""),
                expression=str(error.get("field") or ""),
            )
            for error in errors
        )
    )


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer what a view raised; note who was refused something of a patient's."""
    answer = answer_error(exc, context)
    if answer is None:
        return None
    if answer.status_code in (403, 404):
        note_refusal(context)
    answer.data = of_error(answer.status_code, answer.data)
    answer.content_type = MEDIA_TYPE
    return answer


def note_refusal(context: dict[str, Any]) -> None:
    request, view = context["request"], context["view"]
    kwargs = context["kwargs"]
    resource_id = kwargs.get("resource_id") or kwargs.get("document_id")
    of = getattr(view, "resource", None)
    if not resource_id or of is None or noted(request) or not isinstance(request.user, User):
        return
    found = patient_behind(of, resource_id)
    if found is not None:
        kind, row_id, patient_id = found
        note(request, action="refused", patient_id=patient_id, subject=(kind, row_id))


def outcomes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what is refused before a view of ours is reached speaks FHIR too."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        kind = response.get("Content-Type", "")
        if (
            not request.path.startswith(ROOT)
            or response.status_code < 400
            or kind.startswith(MEDIA_TYPE)
        ):
            return response
        try:
            body = json.loads(response.content)
        except ValueError:
            body = {}
        spoken = JsonResponse(
            of_error(response.status_code, body),
            status=response.status_code,
            content_type=MEDIA_TYPE,
        )
        for name in ("Retry-After", "WWW-Authenticate", "Allow"):
            if name in response:
                spoken[name] = response[name]
        return spoken

    return answer
