"""Change over time: the numbers, and the same as a picture."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.files import AnyAccepted
from inference.progress.api.serializers import (
    ProgressQuerySerializer,
    ProgressSerializer,
    progress_body,
)
from inference.progress.chart import HEIGHT, TITLE, WIDTH, chart
from inference.progress.shapes import to_png, to_svg
from inference.progress.timeline import Progress, progress_of
from patients.api.access import get_patient
from patients.models import Patient


class ProgressView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Change over time",
        tags=["patients"],
        parameters=[ProgressQuerySerializer],
        responses=ProgressSerializer,
    )
    def get(self, request: Request, patient_id: UUID) -> Response:
        patient, progress = asked_for(request, patient_id, "progress.read")
        return Response(progress_body(patient, progress))


class ProgressSvgView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="Change over time, as SVG",
        tags=["patients"],
        parameters=[ProgressQuerySerializer],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, patient_id: UUID) -> HttpResponse:
        _, progress = asked_for(request, patient_id, "progress.chart")
        drawn = to_svg(chart(progress), WIDTH, HEIGHT, TITLE)
        return picture(drawn.encode(), "image/svg+xml")


class ProgressPngView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="Change over time, as PNG",
        tags=["patients"],
        parameters=[ProgressQuerySerializer],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, patient_id: UUID) -> HttpResponse:
        _, progress = asked_for(request, patient_id, "progress.chart")
        return picture(to_png(chart(progress), WIDTH, HEIGHT), "image/png")


def asked_for(request: Request, patient_id: UUID, action: str) -> tuple[Patient, Progress]:
    patient = get_patient(request, patient_id, action=action)
    query = ProgressQuerySerializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return patient, progress_of(user_of(request), patient, **query.validated_data)


def picture(data: bytes, content_type: str) -> HttpResponse:
    answer = HttpResponse(data, content_type=content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
