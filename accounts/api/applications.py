from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts import applications, selectors
from accounts.api.permissions import IsAdmin, user_of
from accounts.api.serializers import (
    ApplicationSerializer,
    AppliedSerializer,
    ApplySerializer,
    CodeSerializer,
    RefusalSerializer,
    StatusSerializer,
    VerifiedSerializer,
)
from accounts.api.throttling import MailPerAddressee, PublicPerAddress
from accounts.models import DoctorApplication


@extend_schema_view(
    get=extend_schema(summary="Applications", tags=["accounts"], parameters=[StatusSerializer])
)
class ApplicationsView(ListAPIView[DoctorApplication]):
    """Anybody applies, admins look."""

    serializer_class = ApplicationSerializer

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method == "POST" else IsAdmin()]

    def get_throttles(self) -> list[BaseThrottle]:
        if self.request.method == "POST":
            return [PublicPerAddress(), MailPerAddressee()]
        return super().get_throttles()

    def get_queryset(self) -> QuerySet[DoctorApplication]:
        asked = StatusSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return selectors.applications(user_of(self.request), asked.validated_data.get("status"))

    @extend_schema(
        summary="Apply as a doctor",
        request=ApplySerializer,
        responses={202: AppliedSerializer},
        auth=[],
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        given = ApplySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        application_id = applications.apply(**given.validated_data)
        return Response({"id": application_id}, status=status.HTTP_202_ACCEPTED)


class VerifyView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicPerAddress]

    @extend_schema(
        summary="Prove my address with the mailed code",
        request=CodeSerializer,
        responses=VerifiedSerializer,
        tags=["accounts"],
    )
    def post(self, request: Request, application_id: UUID) -> Response:
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        application = applications.verify(
            application_id=application_id, code=given.validated_data["code"]
        )
        return Response(VerifiedSerializer(application).data)


class ApproveView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Approve an application",
        request=None,
        responses=ApplicationSerializer,
        tags=["accounts"],
    )
    def post(self, request: Request, application_id: UUID) -> Response:
        application = get_application(request, application_id)
        application = applications.approve(application=application, by=user_of(request))
        return Response(ApplicationSerializer(application).data)


class RefuseView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Refuse an application",
        request=RefusalSerializer,
        responses=ApplicationSerializer,
        tags=["accounts"],
    )
    def post(self, request: Request, application_id: UUID) -> Response:
        application = get_application(request, application_id)
        given = RefusalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        application = applications.refuse(
            application=application, by=user_of(request), reason=given.validated_data["reason"]
        )
        return Response(ApplicationSerializer(application).data)


def get_application(request: Request, application_id: UUID) -> DoctorApplication:
    try:
        return selectors.applications(user_of(request)).get(pk=application_id)
    except DoctorApplication.DoesNotExist as missing:
        raise Http404 from missing
