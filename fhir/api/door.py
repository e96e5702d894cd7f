"""What all views under the FHIR base have in common: who may come in, and what is spoken."""

from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.http import http_date
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import user_of
from accounts.models import User
from accounts.systems.permissions import IsClinicianOrSystem
from accounts.systems.scopes import allows
from backend.api.errors import Forbidden
from backend.api.parsers import JSONParser
from fhir.api.outcomes import MEDIA_TYPE, exception_handler
from fhir.elements import Json
from fhir.rendering import etag
from fhir.table import TYPES
from fhir.types import Context, ResourceType

BASE = "/fhir/R4"
JSON_TYPES = {MEDIA_TYPE, "application/json", "text/json", "json"}
VERSIONS = {"4.0", "4.0.1"}


class Renderer(JSONRenderer):
    media_type = MEDIA_TYPE
    format = "json"


class Parser(JSONParser):
    media_type = MEDIA_TYPE


class Negotiation(BaseContentNegotiation):
    """JSON is all that is spoken here; `_format` counts for more than `Accept`."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        spoken = {parser.media_type: parser for parser in parsers}
        return spoken.get(kind)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        """Choose JSON where it is wanted.

        Raises:
            NotAcceptable: another format is.
        """
        renderer = next(iter(renderers))
        wanted = request.query_params.get("_format") or request.headers.get("Accept") or "*/*"
        # A plus that nobody encoded arrives as a space.
        if not any(accepted(each.replace("fhir json", "fhir+json")) for each in wanted.split(",")):
            raise exceptions.NotAcceptable("Only JSON is spoken here: application/fhir+json.")
        return renderer, MEDIA_TYPE


def accepted(wanted: str) -> bool:
    kind, *given = (part.strip().lower() for part in wanted.split(";"))
    parameters = dict(part.partition("=")[::2] for part in given)
    if parameters.get("fhirversion", "4.0") not in VERSIONS:
        return False
    return kind in JSON_TYPES or kind in ("*/*", "application/*")


class FhirView(APIView):
    """A view of the FHIR server; `resource` is the type of resources that its route names."""

    permission_classes = [IsClinicianOrSystem]
    renderer_classes = [Renderer]
    parser_classes = [Parser, JSONParser]
    content_negotiation_class = Negotiation
    metadata_class = None
    schema = None  # it describes itself: `metadata`
    resource: ResourceType

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if "resource_type" in kwargs:
            self.resource = TYPES[kwargs["resource_type"]]
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return exception_handler

    @property
    def user(self) -> User:
        return user_of(self.request)

    def require_writable(self) -> None:
        """Let writes pass to those types only that are written here.

        Raises:
            MethodNotAllowed
        """
        if not self.resource.writable:
            raise exceptions.MethodNotAllowed(str(self.request.method))

    def require(self, action: str, resource: str | None = None) -> None:
        """Let only those pass whose scopes allow this.

        Raises:
            Forbidden: `insufficient_scope`.
        """
        name = resource or self.resource.name
        if not allows(self.request, resource=name, action=action):
            raise Forbidden("insufficient_scope", f"Your scopes do not allow {action} of {name}.")


def base_of(request: HttpRequest | Request) -> str:
    return request.build_absolute_uri(BASE)


def context_of(request: Request) -> Context:
    return Context(
        base=base_of(request),
        dicomweb=request.build_absolute_uri("/dicomweb"),
        user=user_of(request),
        may=lambda kind: allows(request, resource=kind, action="read"),
    )


def answer(body: Json, status: int = 200) -> Response:
    """Answer with one resource, its version and when it last changed."""
    response = Response(body, status=status)
    response["ETag"] = etag(body)
    changed = parse_datetime(body["meta"].get("lastUpdated") or "")
    if changed is not None:
        response["Last-Modified"] = http_date(int(changed.timestamp()))
    return response
