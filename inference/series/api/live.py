"""How far the reading of a series has got, as it happens."""

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
from inference.models import SeriesAnalysis
from inference.series import selectors
from inference.series.api.serializers import SeriesAnalysisSerializer
from inference.series.api.views import get_series_analysis
from patients.live import read, watcher


class SeriesAnalysisEventsView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="An analysis of a series, whenever it gets on",
        description=(
            "Server-sent events: `analysis`, without its slices, as it is when you ask and "
            "whenever its status or `slices_done` changes, then `end` once it has ended, or with "
            "a code when you may no longer see it."
        ),
        tags=["series"],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request, series_analysis_id: UUID) -> StreamingHttpResponse:
        analysis = get_series_analysis(request, series_analysis_id, action="series_analysis.follow")
        return event_stream(states_of(request, series_analysis_id, analysis.changed_id))


async def states_of(
    request: Request, series_analysis_id: UUID, changed_id: UUID
) -> AsyncIterator[str]:
    """The analysis now and after each change, looked up anew each time as its reader may see it."""
    yield RETRY
    told = None
    with watcher.listening(changed_id) as bell:
        while True:
            bell.clear()
            analysis = await read(visible, request, series_analysis_id)
            if analysis is None:
                yield event("end", {"code": "not_found"})
                return
            if told != (now := (analysis.status, analysis.slices_done)):
                told = now
                yield event("analysis", await read(as_json, analysis))
            if analysis.status not in SeriesAnalysis.ACTIVE:
                yield event("end", {"code": "finished"})
                return
            async for heartbeat in rung(bell):
                yield heartbeat


def visible(request: Request, series_analysis_id: UUID) -> SeriesAnalysis | None:
    """The analysis, as long as the caller is signed in and may see it."""
    if not still_signed_in(request):
        return None
    try:
        return selectors.series_analysis_for(user_of(request), series_analysis_id)
    except (SeriesAnalysis.DoesNotExist, Forbidden):
        return None


def as_json(analysis: SeriesAnalysis) -> dict[str, object]:
    return dict(SeriesAnalysisSerializer(analysis).data)
