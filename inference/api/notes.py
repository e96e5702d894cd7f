"""What requests and answers about slices and about series have in common."""

from typing import Any

from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText
from inference.models import Label


class NoteSerializer(serializers.Serializer[Any]):
    """Why it ended as it did, or what to mind: a stable code and a sentence."""

    code = serializers.CharField()
    message = serializers.CharField()


class PossibleLabelsField(serializers.ListField):
    """The labels that a release cannot rule out."""

    child = serializers.ChoiceField(Label.choices)

    def __init__(self, **options: Any) -> None:
        super().__init__(
            allow_null=True,
            help_text="What the release cannot rule out, the most probable first and the label "
            "among them; null where it does not know.",
            **options,
        )


class AnalysisRequestSerializer(Strict, serializers.Serializer[Any]):
    """Which release is to read; without one, whichever is active."""

    release = PlainText(required=False, max_length=64)
