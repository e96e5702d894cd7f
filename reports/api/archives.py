"""A patient's whole file to take along: for those who own it."""

from uuid import UUID

from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.errors import Conflict
from backend.api.files import AnyAccepted, streamed_file
from patients.access import Level
from patients.api.access import get_patient
from reports.api.serializers import ArchiveSerializer
from reports.archives import selectors, services
from reports.models import Archive


class PatientArchiveView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Have the whole file packed into one archive",
        tags=["reports"],
        request=None,
        responses={202: ArchiveSerializer},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="archive.request", level=Level.OWNER)
        archive = services.request_archive(user=user_of(request), patient=patient)
        return Response(ArchiveSerializer(archive).data, status=status.HTTP_202_ACCEPTED)


class ArchiveView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(summary="How far an archive is", tags=["reports"], responses=ArchiveSerializer)
    def get(self, request: Request, archive_id: UUID) -> Response:
        return Response(ArchiveSerializer(get_archive(request, archive_id, "archive.read")).data)


class ArchiveFileView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The archive",
        tags=["reports"],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, archive_id: UUID) -> HttpResponseBase:
        archive = get_archive(request, archive_id, "archive.file")
        if archive.status != Archive.Status.READY:
            raise Conflict("archive_not_ready", f"The archive is {archive.status}.")
        name = f"patient-{archive.patient_id}.zip"
        answer = streamed_file(request, archive.file, "application/zip", download_as=name)
        answer["Cache-Control"] = "private, no-store"
        return answer


def get_archive(request: Request, archive_id: UUID, action: str) -> Archive:
    """Return the archive of a file that the caller owns, or answer 404 (403 to its readers)."""
    try:
        archive = selectors.unexpired(archive_id)
    except Archive.DoesNotExist as missing:
        raise Http404 from missing
    get_patient(request, archive.patient_id, action=action, level=Level.OWNER)
    return archive
