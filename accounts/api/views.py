from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import user_of
from accounts.api.serializers import UserSerializer
from accounts.services import update_profile


class MeView(APIView):
    second_factor_optional = True

    @extend_schema(summary="Who am I, and in which role", responses=UserSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(user_of(request)).data)

    @extend_schema(
        summary="Change my profile", request=UserSerializer, responses=UserSerializer, tags=["me"]
    )
    def patch(self, request: Request) -> Response:
        user = user_of(request)
        given = UserSerializer(user, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(UserSerializer(update_profile(user=user, **given.validated_data)).data)
