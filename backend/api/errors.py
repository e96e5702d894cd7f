"""One shape for every error: a stable code, a sentence, and the field it is about."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

logger = logging.getLogger(__name__)

FIELD_LENGTH = 200


class ApiError(exceptions.APIException):
    """An error of the domain, raised by services and shown to the caller as it is.

    Args:
        code: Stable, for programs; never renamed.
        message: A sentence for people.
        field: The input it is about, if one.
        details: More for programs, e.g. the id of the scan that is already there.
    """

    status_code: int = status.HTTP_400_BAD_REQUEST

    def __init__(
        self, code: str, message: str, *, field: str | None = None, **details: object
    ) -> None:
        super().__init__(detail=message, code=code)
        self.code, self.message, self.field, self.details = code, message, field, details
        self.headers: dict[str, str] = {}


class Conflict(ApiError):
    """The request is fine, the state of things does not allow it."""

    status_code = status.HTTP_409_CONFLICT


class Forbidden(ApiError):
    """The caller may see the thing, but not do this with it."""

    status_code = status.HTTP_403_FORBIDDEN


class Gone(ApiError):
    """It was there and is kept no longer."""

    status_code = status.HTTP_410_GONE


class TooLarge(ApiError):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class PreconditionRequired(ApiError):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED


class PreconditionFailed(ApiError):
    status_code = status.HTTP_412_PRECONDITION_FAILED


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into the uniform body; None lets Django log and answer a 500."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound("There is nothing here that you may see.")
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, ValidationError):
        exc = exceptions.ValidationError(get_error_detail(exc))
    if not isinstance(exc, exceptions.APIException):
        return None
    set_rollback()
    headers = dict(getattr(exc, "headers", {}))
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(_body(exc), status=exc.status_code, headers=headers)


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer an unexpected failure in the same shape, without saying anything about it."""
    return JsonResponse(
        error_body("server_error", "Something went wrong on our side. Nothing was lost."),
        status=500,
    )


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(error_body("not_found", "There is nothing at this address."), status=404)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(error_body("bad_request", "The request cannot be understood."), status=400)


def error_body(code: str, message: str, field: str | None = None) -> dict[str, object]:
    return {"code": code, "message": whole(message), "field": field and whole(field)[:FIELD_LENGTH]}


def _body(exc: exceptions.APIException) -> dict[str, object]:
    if isinstance(exc, ApiError):
        return error_body(exc.code, exc.message, exc.field) | exc.details
    found = _flatten(exc.detail)
    if len(found) == 1:
        return found[0]
    return error_body("invalid", "Several fields are not right.") | {"errors": found}


def _flatten(detail: Any, field: str | None = None) -> list[dict[str, object]]:
    """Walk DRF's nested error details into a flat list; nested fields are joined by dots."""
    if isinstance(detail, dict):
        return [
            error
            for name, inner in detail.items()
            for error in _flatten(inner, _join(field, str(name)))
        ]
    if isinstance(detail, list):
        return [error for inner in detail for error in _flatten(inner, field)]
    return [error_body(getattr(detail, "code", "error"), str(detail), field)]


def whole(text: str) -> str:
    """Put a mark for half characters: what was sent may be quoted, and must be encoded again."""
    return text.encode("utf-8", "replace").decode()


def _join(parent: str | None, name: str) -> str | None:
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return parent
    return f"{parent}.{name}" if parent else name
