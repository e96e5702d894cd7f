from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import invitations, selectors
from accounts.api.permissions import IsAdmin, user_of
from accounts.api.serializers import AcceptSerializer, InvitationSerializer, UserSerializer
from accounts.api.throttling import PublicPerAddress
from accounts.models import Invitation


@extend_schema_view(get=extend_schema(summary="Invitations", tags=["accounts"]))
class InvitationsView(ListAPIView[Invitation]):
    permission_classes = [IsAdmin]
    serializer_class = InvitationSerializer

    def get_queryset(self) -> QuerySet[Invitation]:
        return selectors.invitations(user_of(self.request))

    @extend_schema(summary="Invite somebody by mail", tags=["accounts"])
    def post(self, request: Request) -> Response:
        given = InvitationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        invitation = invitations.invite(by=user_of(request), **given.validated_data)
        return Response(InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


class InvitationView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(summary="Take an invitation back", responses={204: None}, tags=["accounts"])
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        invitations.revoke(get_invitation(request, invitation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SendAgainView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Mail a new key; the old one is void",
        request=None,
        responses=InvitationSerializer,
        tags=["accounts"],
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        invitation = invitations.send_again(get_invitation(request, invitation_id))
        return Response(InvitationSerializer(invitation).data)


class AcceptView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicPerAddress]

    @extend_schema(
        summary="Make the account that I am invited to",
        request=AcceptSerializer,
        responses={201: UserSerializer},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        given = AcceptSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = invitations.accept(**given.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


def get_invitation(request: Request, invitation_id: UUID) -> Invitation:
    try:
        return selectors.invitations(user_of(request)).get(pk=invitation_id)
    except Invitation.DoesNotExist as missing:
        raise Http404 from missing
