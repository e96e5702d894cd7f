"""The ASGI application, behind guards that see a body before Django has read it."""

import asyncio
import json
import os
import re
import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

# Static files come through Django's thread, whole; they are small.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iter")

django_application = get_asgi_application()  # loads the apps, which what follows asks for

from backend.api.errors import error_body  # noqa: E402
from scans.uploads.protocol import CONTENT_TYPE as UPLOAD_PART  # noqa: E402

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

# Room for the multipart frame and the other fields around a file of the largest allowed size.
FRAME_BYTES = 1024 * 1024
DICOMWEB = "/dicomweb/"
# How many times the limit is taken in and thrown away so that a client hears why.
PATIENCE = 10
# Where whole studies come in: our own upload, and DICOMweb's (STOW-RS, PS3.18, 10.5).
TAKES_STUDIES = re.compile(r"/api/v1/patients/[^/]+/studies|/dicomweb/studies(/[^/]+)?")


class BodyLimit:
    """Answer 413 to a body larger than `limit` bytes, or `studies` where whole studies are sent.

    Django spools the whole body to disk before a view can look at it; this stops at the limit,
    whether the client announced the length or not.
    """

    def __init__(self, app: App, limit: int, studies: int | None = None) -> None:
        self.app, self.limit, self.studies = app, limit, studies or limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self.studies if TAKES_STUDIES.fullmatch(scope.get("path", "")) else self.limit
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            if b"expect" not in headers:  # else the client waits for the answer before it sends
                await self._discard(receive, limit)
            await self._refuse(headers, send, limit)
            return
        received = 0
        refused = False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit and not refused:
                refused = True
                if message.get("more_body"):
                    await self._discard(receive, limit)
                await self._refuse(headers, send, limit)
            return {"type": "http.disconnect"} if refused else message

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self.app(scope, counted, unless_refused)

    async def _discard(self, receive: Receive, limit: int) -> None:
        """Take in what the client is still sending: most look for an answer only after that.

        A connection closed under them would reach them as broken, not as a 413. There is an end
        to this patience.
        """
        patience = limit * PATIENCE
        while patience > 0:
            message = await receive()
            patience -= len(message.get("body", b""))
            if not message.get("more_body"):
                return

    async def _refuse(self, request: dict[bytes, bytes], send: Send, limit: int) -> None:
        limit_mb = (limit - FRAME_BYTES) // (1024 * 1024)
        form = request.get(b"content-type", b"").startswith(b"multipart/form-data")
        what, field = ("file", "file") if form else ("body", None)
        body = error_body("file_too_large", f"The {what} is larger than {limit_mb} MB.", field)
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


class KeepWhatArrived:
    """Let a part of a resumable upload, and studies that are sent, end where a connection broke.

    Django drops a request whose body did not come whole. A client that sends its file in one part
    over a bad network would get nowhere, however often it goes on.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        wanted = headers.get(b"content-type") == UPLOAD_PART.encode()
        wanted |= scope.get("method") == "POST" and scope["path"].startswith(DICOMWEB)
        if scope["type"] != "http" or not wanted:
            await self.app(scope, receive, send)
            return
        ended = broken = False

        async def until_broken() -> Message:
            nonlocal ended, broken
            if broken:  # who waits for the client to go must not hear of it: there is work to do
                await asyncio.Event().wait()
            message = await receive()
            if message["type"] == "http.disconnect" and not ended:
                broken = True
                return {"type": "http.request", "body": b"", "more_body": False}
            ended = not message.get("more_body")
            return message

        await self.app(scope, until_broken, send)


application = KeepWhatArrived(
    BodyLimit(
        django_application,
        settings.MAX_UPLOAD_BYTES + FRAME_BYTES,
        studies=settings.MAX_STUDY_BYTES + FRAME_BYTES,
    )
)
