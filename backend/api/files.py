"""Handing out stored files through the API, never from a public folder."""

import logging
from collections.abc import AsyncIterator, Iterable

from asgiref.sync import sync_to_async
from django.core.files.base import File
from django.core.handlers.asgi import ASGIRequest
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

logger = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024


class AnyAccepted(DefaultContentNegotiation):
    """A stored file is what it is, whatever a client says it would take."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        errors = next(iter(renderers))
        return errors, str(errors.media_type)


def file_response(
    stored: FieldFile, content_type: str, *, download_as: str | None = None
) -> HttpResponse:
    """Answer with a stored file.

    The whole file is read (uploads are limited to tens of megabytes): under ASGI a synchronous
    stream would be read whole anyway.

    Raises:
        Http404: when there is no such file (yet).
    """
    if not stored:
        raise Http404
    with stored.open("rb") as opened:
        answer = HttpResponse(opened.read(), content_type=content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    if download_as:
        header = content_disposition_header(as_attachment=True, filename=download_as)
        answer["Content-Disposition"] = header or "attachment"
    return answer


def streamed_file(
    request: Request, stored: FieldFile, content_type: str, *, download_as: str
) -> HttpResponseBase:
    """Answer with a stored file of any size, never all of it in memory.

    Raises:
        Http404: when there is no such file (yet).
    """
    if not stored:
        raise Http404
    try:
        opened = stored.open("rb")
    except FileNotFoundError as lost:
        logger.exception("A file that a row names is not in the storage")
        raise Http404 from lost
    answer: StreamingHttpResponse
    if isinstance(request._request, ASGIRequest):  # that needs an async iterator
        answer = StreamingHttpResponse(_chunks(opened), content_type=content_type)
    else:
        answer = FileResponse(opened, content_type=content_type)
    answer["Content-Length"] = str(stored.size)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    header = content_disposition_header(as_attachment=True, filename=download_as)
    answer["Content-Disposition"] = header or "attachment"
    return answer


async def _chunks(opened: "File[bytes]") -> AsyncIterator[bytes]:
    read = sync_to_async(opened.read, thread_sensitive=False)
    try:
        while chunk := await read(CHUNK_BYTES):
            yield chunk
    finally:
        opened.close()
