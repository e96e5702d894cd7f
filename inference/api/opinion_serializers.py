from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText
from inference.api.serializers import AnalysisSerializer
from inference.selectors import Contents
from patients.api.history_serializers import EntrySerializer
from patients.models import Patient
from patients.team.api.serializers import NameField
from scans.api.serializers import ScanSerializer
from scans.opinions.models import Opinion

MOST_ENTRIES = 100


class AskSerializer(Strict):
    colleague = serializers.UUIDField(help_text="A doctor's id.")
    question = PlainText(multiline=True, max_length=4000)
    entries = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MOST_ENTRIES,
        default=list,
        help_text="Ids of the entries of the history that the colleague is to read.",
    )
    show_name = serializers.BooleanField(default=False)


class AnswerSerializer(Strict):
    comment = PlainText(multiline=True, max_length=4000)


class DeclineSerializer(Strict):
    reason = PlainText(multiline=True, max_length=4000)


class WhichOpinionsSerializer(serializers.Serializer[Any]):
    asked = serializers.ChoiceField(choices=["of_me", "by_me"], required=False)


class OpinionSerializer(serializers.ModelSerializer[Opinion]):
    is_open = serializers.BooleanField(read_only=True)
    asked_by = NameField(allow_null=True)
    colleague = NameField(allow_null=True)
    answer = serializers.CharField(
        read_only=True, help_text="What the colleague says, or why they declined."
    )

    class Meta:
        model = Opinion
        fields: tuple[str, ...] = (
            "id",
            "scan",
            "asked_by",
            "colleague",
            "question",
            "show_name",
            "status",
            "is_open",
            "answer",
            "created_at",
            "expires_at",
            "closed_at",
        )
        read_only_fields = fields


class OpinionPatientSerializer(serializers.ModelSerializer[Patient]):
    """As much of the patient as a colleague needs."""

    age = serializers.IntegerField(allow_null=True, help_text="Years, today.")

    class Meta:
        model = Patient
        fields = ("age", "sex")
        read_only_fields = fields


class OpinionContentsSerializer(serializers.Serializer[Contents]):
    patient = OpinionPatientSerializer()
    name = serializers.CharField(allow_null=True, help_text="Null unless the asker shows it.")
    scan = ScanSerializer()
    analyses = AnalysisSerializer(many=True)
    entries = EntrySerializer(many=True)


class OpinionWithContentsSerializer(OpinionSerializer):
    contents = serializers.SerializerMethodField(
        help_text="Null for the colleague once the question is closed."
    )

    class Meta(OpinionSerializer.Meta):
        fields = (*OpinionSerializer.Meta.fields, "contents")
        read_only_fields = fields

    @extend_schema_field(OpinionContentsSerializer(allow_null=True))
    def get_contents(self, opinion: Opinion) -> dict[str, Any] | None:
        contents = self.context["contents"]
        return OpinionContentsSerializer(contents).data if contents else None
