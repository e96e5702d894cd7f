"""Who tried to reach what they may not see, or to do what they may not do."""

from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from audit import services, subjects
from backend.api import errors


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer as every endpoint does; write down who was refused something of a patient's, and who
    came too late with an edit and is shown what it says now.

    Here and not where it is refused: a transaction that was open there is rolled back by now.
    """
    answer = errors.exception_handler(exc, context)
    request = context["request"]
    # Who was let in and then finds something missing was not refused.
    if isinstance(exc, errors.Forbidden) or (
        isinstance(exc, Http404) and not services.noted(request)
    ):
        _note_refusal(request, context["kwargs"])
    if isinstance(exc, errors.PreconditionFailed) and "current" in exc.details:
        services.note_as_read(request)
    return answer


def _note_refusal(request: Request, kwargs: dict[str, Any]) -> None:
    if not isinstance(request.user, User):
        return
    for parameter, value in reversed(kwargs.items()):
        kind = subjects.kind_named(parameter.removesuffix("_id"))
        if kind is not None and isinstance(value, UUID):
            patient_id = kwargs.get("patient_id") or kind.patient_by_id(value)
            services.note(
                request, action="refused", patient_id=patient_id, subject=(kind.name, value)
            )
            return
