"""Reviewing a reading, and remarking on it."""

from uuid import UUID

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
from backend.api.files import AnyAccepted, file_response
from backend.api.pagination import NewestFirst, Pages
from backend.api.parsers import JSONParser
from inference.api.views import get_analysis
from inference.models import Comment, Review
from inference.reviews import selectors, services
from inference.reviews.api.serializers import (
    CommentSerializer,
    ReadingReviewSerializer,
    ReadingReviewWithOutlineSerializer,
    ReviewFormSerializer,
    ReviewRequestSerializer,
)
from patients.access import Level


class LatestVersionFirst(Pages):
    ordering = "-version"

    def check_position(self, position: str) -> None:
        int(position)


class ReviewView(APIView):
    permission_classes = [IsClinician]
    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(
        summary="Sign, correct or reject a reading",
        tags=["reviews"],
        request={
            "application/json": ReviewRequestSerializer,
            "multipart/form-data": ReviewFormSerializer,
        },
        responses={201: ReadingReviewWithOutlineSerializer},
    )
    def post(self, request: Request, analysis_id: UUID) -> Response:
        analysis = get_analysis(request, analysis_id, action="analysis.review", level=Level.WRITER)
        is_form = str(request.content_type).startswith("multipart/")
        form = (ReviewFormSerializer if is_form else ReviewRequestSerializer)(data=request.data)
        form.is_valid(raise_exception=True)
        review = services.review(user=user_of(request), analysis=analysis, **form.validated_data)
        body = ReadingReviewWithOutlineSerializer(review).data
        return Response(body, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(summary="All reviews of a reading", tags=["reviews"]))
class ReviewsView(ListAPIView[Review]):
    """The one that counts first, then those that it superseded."""

    permission_classes = [IsClinician]
    serializer_class = ReadingReviewSerializer
    pagination_class = LatestVersionFirst

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        analysis = get_analysis(self.request, self.kwargs["analysis_id"], action="reviews.read")
        return selectors.reviews_of(analysis)


class ReviewPictureView(APIView):
    """What a doctor outlined, where they did not take the model's outline."""

    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted
    picture: str

    @extend_schema(
        summary="A picture of the doctor's outline",
        tags=["reviews"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, analysis_id: UUID, version: int) -> HttpResponse:
        analysis = get_analysis(request, analysis_id, action=f"review.{self.picture}")
        try:
            review = selectors.review_of(analysis, version)
        except Review.DoesNotExist as missing:
            raise Http404 from missing
        return file_response(getattr(review, self.picture), "image/png")


class ReviewMaskView(ReviewPictureView):
    picture = "mask"


class ReviewOverlayView(ReviewPictureView):
    picture = "overlay"


@extend_schema_view(get=extend_schema(summary="Remarks on an analysis", tags=["reviews"]))
class CommentsView(ListAPIView[Comment]):
    permission_classes = [IsClinician]
    serializer_class = CommentSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Comment]:
        if getattr(self, "swagger_fake_view", False):
            return Comment.objects.none()
        analysis = get_analysis(self.request, self.kwargs["analysis_id"], action="comments.read")
        return selectors.comments_of(analysis)

    @extend_schema(
        summary="Remark on an analysis",
        tags=["reviews"],
        request=CommentSerializer,
        responses={201: CommentSerializer},
    )
    def post(self, request: Request, analysis_id: UUID) -> Response:
        analysis = get_analysis(request, analysis_id, action="comment.create", level=Level.WRITER)
        given = CommentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        comment = services.comment(user=user_of(request), analysis=analysis, **given.validated_data)
        return Response(CommentSerializer(comment).data, status=status.HTTP_201_CREATED)
