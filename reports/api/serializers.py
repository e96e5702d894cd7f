from typing import Any

from rest_framework import serializers

from reports.words import Language


class ReportQuerySerializer(serializers.Serializer[Any]):
    """How a report is wanted."""

    language = serializers.ChoiceField(
        choices=[(language.value, language.name.title()) for language in Language],
        default=Language.ENGLISH.value,
    )
