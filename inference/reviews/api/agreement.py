"""How often doctors agree with the models."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.files import AnyAccepted
from backend.api.serializers import Strict
from backend.api.tables import csv_response
from backend.api.text import PlainText
from inference.models import Label, Review
from inference.reviews.agreement import agreement, reviews_for, table


class AgreementQuerySerializer(Strict, serializers.Serializer[Any]):
    since = serializers.DateTimeField(required=False, help_text="Reviewed from this moment on.")
    until = serializers.DateTimeField(
        required=False, help_text="Reviewed up to, and not at, this moment."
    )
    release = PlainText(required=False, max_length=64)
    label = serializers.ChoiceField(  # type: ignore[assignment]
        Label.choices, required=False, help_text="What the model said."
    )


class DecisionsSerializer(serializers.Serializer[Any]):
    signed = serializers.IntegerField()
    corrected = serializers.IntegerField()
    rejected = serializers.IntegerField()


class LabelsAgreedSerializer(serializers.Serializer[Any]):
    """Of the readings with a doctor's label (signed or corrected)."""

    agreed = serializers.IntegerField()
    n = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)


class MeanDiceSerializer(serializers.Serializer[Any]):
    mean = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class TallySerializer(serializers.Serializer[Any]):
    reviewed = serializers.IntegerField()
    decisions = DecisionsSerializer()
    labels = LabelsAgreedSerializer()
    dice = MeanDiceSerializer(help_text="Model's against doctor's outline; signed ones are 1.")
    dice_corrected = MeanDiceSerializer(help_text="The same, of corrected readings only.")


class LabelTallySerializer(TallySerializer):
    label = serializers.ChoiceField(Label.choices)  # type: ignore[assignment]


class ReleaseTallySerializer(TallySerializer):
    release = serializers.CharField()


class MonthTallySerializer(TallySerializer):
    month = serializers.CharField(help_text="2026-11")


class AgreementSerializer(TallySerializer):
    confusion = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="The model's label, in it the doctor's.",
    )
    by_label = LabelTallySerializer(many=True)
    by_release = ReleaseTallySerializer(many=True)
    by_month = MonthTallySerializer(many=True)


class AgreementView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="How often doctors agree with the models",
        tags=["reviews"],
        parameters=[AgreementQuerySerializer],
        responses=AgreementSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(agreement(asked_for(request, "agreement.read")))


class AgreementTableView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The same as a table: a row for each reviewed reading, without identities",
        tags=["reviews"],
        parameters=[AgreementQuerySerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return csv_response(table(asked_for(request, "agreement.export")), "agreement.csv")


def asked_for(request: Request, action: str) -> QuerySet[Review]:
    """The reviews that the query is about; that somebody asked is written down."""
    query = AgreementQuerySerializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    note(request, action=action, details=request.query_params.dict())
    return reviews_for(user_of(request), **query.validated_data)
