from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import user_of
from accounts.api.serializers import UserSerializer


class MeView(APIView):
    @extend_schema(summary="Who am I, and in which role", responses=UserSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(user_of(request)).data)
