from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.errors import Forbidden
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
        responses={(200, kind): OpenApiTypes.BINARY for kind in Scan.CONTENT_TYPES.values()},
    )
    def get(self, request: Request, scan_id: UUID) -> HttpResponse:
        scan = get_scan(request, scan_id, action="scan.file", opinion=True)
        if not scan.shows_name:
            message = "The original may say who the patient is, and that was not shown to you."
            raise Forbidden("identifying_file", message)
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
        scan = get_scan(request, scan_id, action="scan.preview", opinion=True)
        return file_response(scan.preview, "image/png")


def get_scan(
    request: Request,
    scan_id: UUID,
    *,
    action: str,
    level: int = Level.READER,
    opinion: bool = False,
) -> Scan:
    """Return the scan that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s and `scan_for`'s.
    """
    try:
        scan = selectors.scan_for(user_of(request), scan_id, level=level, opinion=opinion)
    except Scan.DoesNotExist as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=scan.patient_id,
        why=scan.patient.access_via,
        subject=("scan", scan.pk),
    )
    return scan
