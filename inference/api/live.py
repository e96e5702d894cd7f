"""How far an analysis has got, as it happens."""

from collections.abc import AsyncIterator
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from accounts.api.presence import still_signed_in
from backend.api.errors import Forbidden
from backend.api.events import RETRY, event, event_stream, rung
from backend.api.files import AnyAccepted
from inference import selectors
from inference.api.serializers import AnalysisSerializer
from inference.api.views import get_analysis
from inference.models import Analysis
from patients.live import read, watcher


class AnalysisEventsView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="An analysis, whenever its status changes",
        description=(
            "Server-sent events: `analysis`, as it is when you ask and after every change, then "
            "`end` once it has ended, or with a code when you may no longer see it."
        ),
        tags=["analyses"],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request, analysis_id: UUID) -> StreamingHttpResponse:
        get_analysis(request, analysis_id, action="analysis.follow")
        return event_stream(states_of(request, analysis_id))


async def states_of(request: Request, analysis_id: UUID) -> AsyncIterator[str]:
    """The analysis now and after each change, looked up anew each time as its reader may see it."""
    yield RETRY
    told = None
    with watcher.listening(analysis_id) as bell:
        while True:
            bell.clear()
            analysis = await read(visible, request, analysis_id)
            if analysis is None:
                yield event("end", {"code": "not_found"})
                return
            if analysis.status != told:
                told = analysis.status
                yield event("analysis", await read(as_json, analysis))
            if told not in Analysis.ACTIVE:
                yield event("end", {"code": "finished"})
                return
            async for heartbeat in rung(bell):
                yield heartbeat


def visible(request: Request, analysis_id: UUID) -> Analysis | None:
    """The analysis, as long as the caller is signed in and may see it."""
    if not still_signed_in(request):
        return None
    try:
        return selectors.analysis_for(user_of(request), analysis_id)
    except (Analysis.DoesNotExist, Forbidden):
        return None


def as_json(analysis: Analysis) -> dict[str, object]:
    return dict(AnalysisSerializer(analysis).data)
