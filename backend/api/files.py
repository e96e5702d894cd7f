"""Handing out stored files through the API, never from a public folder."""

from collections.abc import Iterable

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


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
