"""Readings of whole series."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.files import AnyAccepted, file_response
from backend.api.pagination import Pages
from inference import services as any_run
from inference.api.notes import AnalysisRequestSerializer
from inference.models import SeriesAnalysis, SeriesReview
from inference.runs import png
from inference.series import masks, selectors, services
from inference.series.api.serializers import (
    SeriesAnalysisSerializer,
    SeriesAnalysisWithSlicesSerializer,
    SeriesReviewRequestSerializer,
    SeriesReviewSerializer,
)
from patients.access import Level
from scans.models import Series
from scans.series.selectors import series_for


@extend_schema_view(get=extend_schema(summary="A series' analyses", tags=["series"]))
class SeriesAnalysesView(ListAPIView[SeriesAnalysis]):
    permission_classes = [IsClinician]
    serializer_class = SeriesAnalysisSerializer

    def get_queryset(self) -> QuerySet[SeriesAnalysis]:
        if getattr(self, "swagger_fake_view", False):
            return SeriesAnalysis.objects.none()
        series = get_series(self.request, self.kwargs["series_id"], action="series_analyses.read")
        return selectors.series_analyses_of(series)

    @extend_schema(
        summary="Read the series (again)",
        tags=["series"],
        request=AnalysisRequestSerializer,
        responses={201: SeriesAnalysisSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, series_id: UUID) -> Response:
        series = get_series(
            request, series_id, action="series_analysis.request", level=Level.WRITER
        )
        wanted = AnalysisRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        analysis = services.queue_series_analysis(
            user=user_of(request), series=series, **wanted.validated_data
        )
        body = SeriesAnalysisSerializer(analysis).data
        return Response(body, status=status.HTTP_201_CREATED)


class SeriesAnalysisView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="An analysis of a series, with its slices",
        tags=["series"],
        responses=SeriesAnalysisWithSlicesSerializer,
    )
    def get(self, request: Request, series_analysis_id: UUID) -> Response:
        analysis = get_series_analysis(request, series_analysis_id, action="series_analysis.read")
        return Response(SeriesAnalysisWithSlicesSerializer(analysis).data)


class ChangeSeriesAnalysisView(APIView):
    """A change of state that the caller asks for."""

    permission_classes = [IsClinician]
    change: Callable[..., SeriesAnalysis]
    action: str

    @transaction.atomic
    def post(self, request: Request, series_analysis_id: UUID) -> Response:
        analysis = get_series_analysis(
            request, series_analysis_id, action=self.action, level=Level.WRITER
        )
        analysis = type(self).change(analysis=analysis)
        return Response(SeriesAnalysisSerializer(analysis).data)


change_schema = extend_schema(tags=["series"], request=None, responses=SeriesAnalysisSerializer)


@extend_schema_view(post=extend_schema(summary="Cancel while queued"))
@change_schema
class CancelView(ChangeSeriesAnalysisView):
    change = staticmethod(any_run.cancel)
    action = "series_analysis.cancel"


@extend_schema_view(post=extend_schema(summary="Try again after a failure"))
@change_schema
class RetryView(ChangeSeriesAnalysisView):
    change = staticmethod(any_run.retry)
    action = "series_analysis.retry"


class SeriesFileView(APIView):
    """A file of a finished analysis."""

    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted
    name: str
    content_type = "image/png"

    def get(self, request: Request, series_analysis_id: UUID) -> HttpResponse:
        analysis = get_series_analysis(
            request, series_analysis_id, action=f"series_analysis.{self.name}"
        )
        return file_response(analysis.files[self.name], self.content_type)


picture_schema = extend_schema(tags=["series"], responses={(200, "image/png"): OpenApiTypes.BINARY})


@extend_schema_view(get=extend_schema(summary="The key slice with its outline"))
@picture_schema
class OverlayView(SeriesFileView):
    name = "overlay"


@extend_schema_view(get=extend_schema(summary="What drove the class on the key slice"))
@picture_schema
class HeatmapView(SeriesFileView):
    name = "heatmap"


@extend_schema_view(
    get=extend_schema(
        summary="The outlines on all slices",
        tags=["series"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
)
class MasksView(SeriesFileView):
    name = "masks"
    content_type = "application/octet-stream"


class SliceMaskView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The outline on one slice",
        tags=["series"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, series_analysis_id: UUID, index: int) -> HttpResponse:
        analysis = get_series_analysis(request, series_analysis_id, action="series_analysis.mask")
        try:
            mask = masks.load_slice(analysis, index)
        except (FileNotFoundError, IndexError) as missing:
            raise Http404 from missing
        return HttpResponse(png(mask), content_type="image/png")


class LatestVersionFirst(Pages):
    ordering = "-version"

    def check_position(self, position: str) -> None:
        int(position)


@extend_schema_view(
    get=extend_schema(summary="All reviews of a reading of a series", tags=["reviews"])
)
class SeriesReviewsView(ListAPIView[SeriesReview]):
    """The one that counts first, then those that it superseded."""

    permission_classes = [IsClinician]
    serializer_class = SeriesReviewSerializer
    pagination_class = LatestVersionFirst

    def get_queryset(self) -> QuerySet[SeriesReview]:
        if getattr(self, "swagger_fake_view", False):
            return SeriesReview.objects.none()
        analysis = get_series_analysis(
            self.request, self.kwargs["series_analysis_id"], action="series_reviews.read"
        )
        return selectors.reviews_of(analysis)

    @extend_schema(
        summary="Confirm, correct or reject a reading of a series",
        tags=["reviews"],
        request=SeriesReviewRequestSerializer,
        responses={201: SeriesReviewSerializer},
    )
    def post(self, request: Request, series_analysis_id: UUID) -> Response:
        analysis = get_series_analysis(
            request, series_analysis_id, action="series_analysis.review", level=Level.WRITER
        )
        form = SeriesReviewRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        review = services.review(user=user_of(request), analysis=analysis, **form.validated_data)
        body = SeriesReviewSerializer(review).data
        return Response(body, status=status.HTTP_201_CREATED)


def get_series(
    request: Request, series_id: UUID, *, action: str, level: int = Level.READER
) -> Series:
    """Return the series that the caller may see, and write that down; or answer 404."""
    try:
        series = series_for(user_of(request), series_id, level=level)
    except Series.DoesNotExist as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=series.study.patient_id,
        why=series.study.patient.access_via,
        subject=("series", series.pk),
    )
    return series


def get_series_analysis(
    request: Request, series_analysis_id: UUID, *, action: str, level: int = Level.READER
) -> SeriesAnalysis:
    """Return the analysis that the caller may see, and write that down; or answer 404."""
    try:
        analysis = selectors.series_analysis_for(user_of(request), series_analysis_id, level=level)
    except SeriesAnalysis.DoesNotExist as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=analysis.patient_id,
        why=analysis.series.study.patient.access_via,
        subject=("series_analysis", analysis.pk),
    )
    return analysis
