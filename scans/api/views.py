from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.files import AnyAccepted, file_response
from patients.access import Level
from scans import selectors
from scans.models import Scan


class ScanFileView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The original, byte for byte",
        tags=["scans"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, scan_id: UUID) -> HttpResponse:
        scan = get_scan(request, scan_id, action="scan.file")
        name = scan.original_name or f"{scan.id}.{scan.format}"
        return file_response(scan.original, scan.content_type, download_as=name)


class ScanPreviewView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="A small picture of the scan",
        tags=["scans"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, scan_id: UUID) -> HttpResponse:
        return file_response(get_scan(request, scan_id, action="scan.preview").preview, "image/png")


def get_scan(request: Request, scan_id: UUID, *, action: str, level: int = Level.READER) -> Scan:
    """Return the scan that the caller may see, or answer 404; arguments as `get_patient`'s."""
    try:
        return selectors.scan_for(user_of(request), scan_id, level=level)
    except Scan.DoesNotExist as missing:
        raise Http404 from missing
