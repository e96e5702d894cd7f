from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.pagination import NewestFirst
from patients.models import Notice
from patients.team import notices, selectors
from patients.team.api.serializers import NoticeSerializer


class LatestFirst(NewestFirst):
    ordering = ("-at", "-id")


@extend_schema_view(get=extend_schema(summary="What I should know", tags=["notices"]))
class NoticesView(ListAPIView[Notice]):
    permission_classes = [IsClinician]
    serializer_class = NoticeSerializer
    pagination_class = LatestFirst

    def get_queryset(self) -> QuerySet[Notice]:
        if getattr(self, "swagger_fake_view", False):
            return Notice.objects.none()
        return selectors.notices_of(user_of(self.request))


class ReadNoticeView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="I have read it", tags=["notices"], request=None, responses=NoticeSerializer
    )
    def post(self, request: Request, notice_id: UUID) -> Response:
        try:
            notice = selectors.notices_of(user_of(request)).get(pk=notice_id)
        except Notice.DoesNotExist as missing:
            raise Http404 from missing
        return Response(NoticeSerializer(notices.read(notice)).data)
