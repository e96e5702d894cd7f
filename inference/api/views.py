"""Scans and their analyses. A scan is always answered with its newest analysis, hence all here."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.files import AnyAccepted, file_response
from inference import selectors, services
from inference.api.notes import AnalysisRequestSerializer
from inference.api.serializers import (
    AnalysisSerializer,
    AnalysisWithOutlinesSerializer,
    ScanWithAnalysisSerializer,
)
from inference.models import Analysis, Picture
from patients.access import Level
from patients.api.access import get_patient
from scans.api.serializers import UploadSerializer
from scans.api.views import get_scan
from scans.models import Scan


@extend_schema_view(get=extend_schema(summary="A patient's scans", tags=["scans"]))
class PatientScansView(ListAPIView[Scan]):
    permission_classes = [IsClinician]
    parser_classes = [MultiPartParser]
    serializer_class = ScanWithAnalysisSerializer

    def get_queryset(self) -> QuerySet[Scan]:
        if getattr(self, "swagger_fake_view", False):
            return Scan.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="scans.read")
        return selectors.scans_of(user_of(self.request), patient)

    @extend_schema(
        summary="Upload a slice; its analysis is queued at once",
        tags=["scans"],
        request=UploadSerializer,
        responses={201: ScanWithAnalysisSerializer},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="scan.upload", level=Level.WRITER)
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        analysis = services.upload_and_analyse(
            user=user_of(request), patient=patient, **form.validated_data
        )
        body = ScanWithAnalysisSerializer(analysis.scan).data
        return Response(body, status=status.HTTP_201_CREATED)


class ScanView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(summary="A scan", tags=["scans"], responses=ScanWithAnalysisSerializer)
    def get(self, request: Request, scan_id: UUID) -> Response:
        scan = get_scan(request, scan_id, action="scan.read", opinion=True)
        return Response(ScanWithAnalysisSerializer(scan).data)


@extend_schema_view(get=extend_schema(summary="A scan's analyses", tags=["analyses"]))
class ScanAnalysesView(ListAPIView[Analysis]):
    permission_classes = [IsClinician]
    serializer_class = AnalysisSerializer

    def get_queryset(self) -> QuerySet[Analysis]:
        if getattr(self, "swagger_fake_view", False):
            return Analysis.objects.none()
        scan = get_scan(self.request, self.kwargs["scan_id"], action="analyses.read")
        return selectors.analyses_of(scan)

    @extend_schema(
        summary="Read the scan again",
        tags=["analyses"],
        request=AnalysisRequestSerializer,
        responses={201: AnalysisSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, scan_id: UUID) -> Response:
        scan = get_scan(request, scan_id, action="analysis.request", level=Level.WRITER)
        wanted = AnalysisRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        analysis = services.queue_analysis(
            user=user_of(request), scan=scan, **wanted.validated_data
        )
        return Response(AnalysisSerializer(analysis).data, status=status.HTTP_201_CREATED)


class AnalysisView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="An analysis", tags=["analyses"], responses=AnalysisWithOutlinesSerializer
    )
    def get(self, request: Request, analysis_id: UUID) -> Response:
        analysis = get_analysis(request, analysis_id, action="analysis.read", opinion=True)
        return Response(AnalysisWithOutlinesSerializer(analysis).data)


class ChangeAnalysisView(APIView):
    """A change of state that the caller asks for."""

    permission_classes = [IsClinician]
    change: Callable[..., Analysis]
    action: str

    @transaction.atomic
    def post(self, request: Request, analysis_id: UUID) -> Response:
        analysis = get_analysis(request, analysis_id, action=self.action, level=Level.WRITER)
        analysis = type(self).change(analysis=analysis)
        return Response(AnalysisSerializer(analysis).data)


change_schema = extend_schema(tags=["analyses"], request=None, responses=AnalysisSerializer)


@extend_schema_view(post=extend_schema(summary="Cancel while queued"))
@change_schema
class CancelView(ChangeAnalysisView):
    change = staticmethod(services.cancel)
    action = "analysis.cancel"


@extend_schema_view(post=extend_schema(summary="Try again after a failure"))
@change_schema
class RetryView(ChangeAnalysisView):
    change = staticmethod(services.retry)
    action = "analysis.retry"


class PictureView(APIView):
    """The mask, the overlay or the heat map of a finished analysis."""

    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted
    picture: Picture

    @extend_schema(
        summary="A picture of the reading",
        tags=["analyses"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, analysis_id: UUID) -> HttpResponse:
        analysis = get_analysis(
            request, analysis_id, action=f"analysis.{self.picture}", opinion=True
        )
        return file_response(analysis.pictures[self.picture], "image/png")


class MaskView(PictureView):
    picture = Picture.MASK


class OverlayView(PictureView):
    picture = Picture.OVERLAY


class HeatmapView(PictureView):
    picture = Picture.HEATMAP


def get_analysis(
    request: Request,
    analysis_id: UUID,
    *,
    action: str,
    level: int = Level.READER,
    opinion: bool = False,
) -> Analysis:
    """Return the analysis that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s.
    """
    try:
        analysis = selectors.analysis_for(
            user_of(request), analysis_id, level=level, opinion=opinion
        )
    except Analysis.DoesNotExist as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=analysis.scan.patient_id,
        why=analysis.scan.patient.access_via,
        subject=("analysis", analysis.pk),
    )
    return analysis
