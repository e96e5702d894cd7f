"""What requests and answers about slices and about series have in common."""

from typing import Any

from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText


class NoteSerializer(serializers.Serializer[Any]):
    """Why it ended as it did, or what to mind: a stable code and a sentence."""

    code = serializers.CharField()
    message = serializers.CharField()


class AnalysisRequestSerializer(Strict, serializers.Serializer[Any]):
    """Which release is to read; without one, whichever is active."""

    release = PlainText(required=False, max_length=64)
