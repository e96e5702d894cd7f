"""Binary: the files that DocumentReferences name, as they are or wrapped in JSON."""

from base64 import b64encode

from django.http import Http404, HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from backend.api.files import file_response
from fhir.api.door import JSON_TYPES, Negotiation
from fhir.api.views import OneView
from fhir.resources.report import PDF
from fhir.table import TYPES
from inference.models import Analysis
from patients.history.selectors import attachment_of
from patients.models import Attachment, HistoryEntry
from reports.pdf import scan_report
from reports.words import Language
from scans.selectors import scan_for


class AnyFormat(Negotiation):
    """A file is what it is, whatever a client says it would take."""

    def select_renderer(
        self, request: Request, renderers: object, format_suffix: str | None = None
    ) -> tuple[object, str]:
        renderer = next(iter(renderers))  # type: ignore[call-overload]
        return renderer, renderer.media_type


class BinaryView(OneView):
    """Whoever may see a DocumentReference may see its file: they have one id."""

    resource = TYPES["DocumentReference"]
    content_negotiation_class = AnyFormat

    def get(self, request: Request, document_id: str) -> Response | HttpResponse:
        self.require("read", "Binary")
        hit = self.hit(document_id)
        content = self.printed(hit.row) if isinstance(hit.row, Analysis) else stored(hit.row)
        self.note_hit(hit, "file")
        if not wants_json(request):
            return content
        body = {
            "resourceType": "Binary",
            "id": document_id,
            "contentType": content["Content-Type"],
            "data": b64encode(content.content).decode(),
        }
        return Response(body)

    def printed(self, row: Analysis) -> HttpResponse:
        scan = scan_for(self.user, row.scan_id)
        made = scan_report(self.user, scan, language=Language.ENGLISH, made_at=timezone.now())
        return HttpResponse(made, content_type=PDF)


def stored(row: object) -> HttpResponse:
    if not isinstance(row, HistoryEntry):
        raise Http404
    try:
        attachment = attachment_of(row)
    except Attachment.DoesNotExist as missing:
        raise Http404 from missing
    return file_response(attachment.file, attachment.content_type)


def wants_json(request: Request) -> bool:
    wanted = request.query_params.get("_format") or request.headers.get("Accept") or ""
    kinds = {each.partition(";")[0].strip().lower() for each in wanted.split(",")}
    return bool(kinds & JSON_TYPES)
