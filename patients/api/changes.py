"""What changed in my patients' files: to ask for, and to be told."""

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from accounts.api.presence import still_signed_in
from accounts.models import User
from backend.api.errors import ApiError
from backend.api.events import RETRY, event, event_stream, rung
from backend.api.files import AnyAccepted
from patients import feed
from patients.live import read, watcher
from patients.models import Change

LIMIT, MAX_LIMIT = 200, 1000


class ChangeSerializer(serializers.ModelSerializer[Change]):
    id = serializers.UUIDField(source="object_id", help_text="Of what changed.")
    patient = serializers.UUIDField(source="patient_id")

    class Meta:
        model = Change
        fields = ("kind", "id", "patient", "action", "at")


class ChangesSerializer(serializers.Serializer[feed.Page]):
    changes = ChangeSerializer(many=True)
    next = serializers.CharField(help_text="`since` of the next request.")
    more = serializers.BooleanField(help_text="Whether there is something behind `next` already.")


class ChangesView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="What changed in my patients' files",
        description=(
            "Without `since`, where the feed ends now: take that first, then fetch what you keep, "
            "then come back with it. `created` of a patient means: fetch the whole file. `deleted` "
            "of a patient means: it is gone, or no longer yours to see."
        ),
        tags=["changes"],
        parameters=[
            OpenApiParameter("since", str, description="`next` of an earlier answer"),
            OpenApiParameter("limit", int, description=f"At most {MAX_LIMIT}; {LIMIT} unless told"),
        ],
        responses=ChangesSerializer,
    )
    def get(self, request: Request) -> Response:
        limit = limit_of(request)
        since = request.query_params.get("since")
        if since is None:
            page = feed.Page([], feed.now(), more=False)
        else:
            page = feed.changes_since(user_of(request), feed.Cursor.parse(since), limit)
        return Response(ChangesSerializer(page).data)


class EventsView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The same, as it happens",
        description=(
            "Server-sent events: `change`, with the same fields, and an id that can be sent as "
            "`Last-Event-ID` or `since` to go on from there. `end` when you are signed out."
        ),
        tags=["changes"],
        parameters=[
            OpenApiParameter("since", str, description="A cursor; the present unless told"),
            OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        since = request.headers.get("Last-Event-ID") or request.query_params.get("since")
        cursor = feed.Cursor.parse(since) if since else feed.now()
        return event_stream(changes_of(request, user_of(request), cursor))


async def changes_of(request: Request, user: User, cursor: feed.Cursor) -> AsyncIterator[str]:
    """The user's changes, each checked against what the user may see when it is told."""
    yield RETRY
    with watcher.listening(user.pk) as bell:
        while True:
            bell.clear()
            if not await read(still_signed_in, request):
                yield event("end", {"code": "signed_out"})
                return
            page = await read(feed.changes_since, user, cursor, LIMIT)
            for change in page.changes:
                yield event("change", ChangeSerializer(change).data, id=str(feed.place_of(change)))
            cursor = page.next
            if not page.more:
                async for heartbeat in rung(bell):
                    yield heartbeat


def limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise ApiError("invalid", f"Give a number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)
