"""Which releases are installed."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician
from inference.installed import all_installed


class ReleaseSerializer(serializers.Serializer[Any]):
    """A release, and what its card says of it."""

    name = serializers.CharField()
    active = serializers.BooleanField(help_text="Whether it reads when no other is asked for.")
    created = serializers.DateTimeField(allow_null=True)
    classifier = serializers.CharField(allow_null=True, help_text="The network that says the class")
    segmenter = serializers.CharField(allow_null=True, help_text="The one that outlines; may be it")
    accuracy = serializers.FloatField(
        allow_null=True, help_text="Of the four classes, on slices it was not trained on."
    )
    dice = serializers.FloatField(allow_null=True, help_text="Mean over tumour slices of these.")
    set_threshold = serializers.FloatField(
        allow_null=True,
        help_text="The probability from which a label is among the possible ones; null where the "
        "release cannot say which are.",
    )


class ReleasesView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="The releases that can read",
        tags=["analyses"],
        responses=ReleaseSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(ReleaseSerializer(all_installed(), many=True).data)
