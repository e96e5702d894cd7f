"""Server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder

# Proxies and phones drop a connection on which nothing comes for about a minute.
HEARTBEAT_S = 15
HEARTBEAT = ": still here\n\n"
RETRY = "retry: 2000\n\n"


def event(name: str, data: object, *, id: str | None = None) -> str:
    """Return one event. JSON has no line breaks, so one data line is enough."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, cls=JSONEncoder)}\n\n"


def event_stream(events: AsyncIterator[str]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(events, content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"  # nginx would hold events back
    return answer


async def rung(bell: asyncio.Event) -> AsyncIterator[str]:
    """Wait for the bell; give a heartbeat and come back where it does not ring for long."""
    try:
        await asyncio.wait_for(bell.wait(), HEARTBEAT_S)
    except TimeoutError:
        yield HEARTBEAT
