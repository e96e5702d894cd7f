"""`ETag` on reads, `If-Match` on edits (RFC 9110 section 13)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from backend.api.errors import PreconditionFailed, PreconditionRequired

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you read."
)


class Versioned(Protocol):
    """A row whose `updated_at` moves with every change that a reader can notice."""

    id: UUID
    updated_at: datetime


Row = TypeVar("Row", bound=Versioned)


def etag(row: Versioned) -> str:
    return f'"{row.id.hex}-{int(row.updated_at.timestamp() * 1_000_000):x}"'


def with_etag(response: Response, row: Versioned) -> Response:
    """Name the row's version in the answer; ConditionalGetMiddleware makes a 304 of it."""
    response["ETag"] = etag(row)
    return response


def require_match(
    request: Request, row: Row, shown_as: Callable[[Row], BaseSerializer[Any]]
) -> None:
    """Let an edit pass only if it was made on the row's current version.

    Args:
        shown_as: The serializer of the resource: who comes too late is shown how it is now.

    Raises:
        PreconditionRequired: without `If-Match`.
        PreconditionFailed: when somebody else changed the row since; with `current`, and its ETag.
    """
    wanted = parse_etags(request.headers.get("If-Match", ""))
    if not wanted:
        raise PreconditionRequired(
            "if_match_required", "Send If-Match with the ETag of the version that you edited."
        )
    if "*" not in wanted and etag(row) not in wanted:
        late = PreconditionFailed(
            "version_conflict",
            "This was changed since you read it: look at how it is now, and repeat.",
            current=shown_as(row).data,
        )
        late.headers["ETag"] = etag(row)
        raise late
