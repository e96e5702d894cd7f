"""Entries of the history, as the API gives and takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from accounts.models import User
from backend.api.serializers import Strict
from backend.api.text import PlainText, SearchText
from patients.history import dates, kinds
from patients.history.fields import WhenField
from patients.history.kinds import WRITABLE, Values
from patients.models import HistoryEntry, HistoryVersion
from patients.models.history import Precision

Kind, Status = HistoryEntry.Kind, HistoryEntry.Status

REASON_LENGTH = 500


class PersonSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name")


class StatementSerializer(serializers.Serializer[Any]):
    """What an entry says, or said."""

    title = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=Status.choices, read_only=True)
    author = PersonSerializer(read_only=True, allow_null=True)
    occurred_at = serializers.SerializerMethodField()
    precision = serializers.ChoiceField(choices=Precision.choices, read_only=True)
    version = serializers.IntegerField(read_only=True)
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    @extend_schema_field({"type": "string", "example": "2019-05"})
    def get_occurred_at(self, said: HistoryEntry | HistoryVersion) -> str:
        """When it happened: `2019`, `2019-05`, `2019-05-03` or a moment, as `precision` says."""
        return dates.written(said.occurred_at, said.precision)

    @extend_schema_field({"type": "object", "description": "As its kind has it."})
    def get_data(self, said: HistoryEntry | HistoryVersion) -> Values:
        entry = said.entry if isinstance(said, HistoryVersion) else said
        shown = kinds.of(entry.kind).to_representation(said.data)
        if entry.kind == Kind.ATTACHMENT:
            shown["file"] = reverse("history-file", args=[entry.pk])
        return shown


class EntrySerializer(StatementSerializer):
    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True)
    recorded_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class EntryVersionSerializer(StatementSerializer):
    """What the entry said from `at` on; `author` is who had it say so, and `reason` why."""

    at = serializers.DateTimeField(read_only=True)
    reason = serializers.CharField(read_only=True)


class NewEntrySerializer(Strict, serializers.Serializer[Any]):
    """An entry as people write it."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in WRITABLE])
    occurred_at = WhenField(
        required=False,
        help_text="A year, a month, a day or a moment. Without: what the data say (onset, start, "
        "date of the specimen), else now.",
    )
    data = serializers.DictField()  # type: ignore[assignment]

    def validate(self, given: Values) -> Values:
        patient = self.context["patient"]
        with under("data"):
            given["data"] = kinds.checked(given["kind"], given["data"], patient)
        if "occurred_at" not in given:
            happened = kinds.of(given["kind"]).happened(given["data"])
            given["occurred_at"] = dates.parse(happened) if happened else dates.now()
        return given


class EditSerializer(Strict, EntrySerializer):
    """What is given takes the place of what was; in `data`, field by field, null takes one away."""

    occurred_at = WhenField(required=False)  # type: ignore[assignment]
    data = serializers.DictField(required=False)  # type: ignore[assignment]
    reason = PlainText(required=False, allow_blank=True, max_length=REASON_LENGTH)

    def validate(self, given: Values) -> Values:
        entry: HistoryEntry = self.context["entry"]
        if "data" in given:
            with under("data"):
                given["data"] = kinds.checked(
                    entry.kind, given["data"], entry.patient, before=entry.data
                )
        return given


class ErrorReasonSerializer(Strict, serializers.Serializer[Any]):
    reason = PlainText(max_length=REASON_LENGTH, help_text="Why it should never have been written.")


class AttachmentFormSerializer(Strict, serializers.Serializer[Any]):
    """The multipart form of an attachment."""

    file = serializers.FileField(
        allow_empty_file=True,  # the check says better what is wrong with it
        help_text="PDF, PNG or JPEG.",
    )
    text = PlainText(required=False, allow_blank=True, help_text="What it is.")
    occurred_at = WhenField(required=False)


class EntryFiltersSerializer(serializers.Serializer[Any]):
    kind = serializers.MultipleChoiceField(choices=Kind.choices, required=False)
    status = serializers.MultipleChoiceField(
        choices=Status.choices, required=False, help_text="Without: current ones only."
    )
    since = serializers.CharField(required=False, help_text="2019, 2019-05, 2019-05-03 or a moment")
    until = serializers.CharField(required=False, help_text="As `since`, and itself included")
    author = serializers.UUIDField(required=False)
    search = SearchText(help_text="Words of the title and the data")

    def validate_since(self, text: str) -> dates.When:
        return bound(text)

    def validate_until(self, text: str) -> dates.When:
        return bound(text)


def bound(text: str) -> dates.When:
    try:
        return dates.parse(text)
    except (ValueError, OverflowError) as wrong:
        raise serializers.ValidationError(WhenField.default_error_messages["invalid"]) from wrong


@contextmanager
def under(field: str) -> Iterator[None]:
    """Say of what is wrong inside that it is inside of `field`."""
    try:
        yield
    except serializers.ValidationError as wrong:
        raise serializers.ValidationError({field: wrong.detail}) from wrong


class ICD10SearchSerializer(serializers.Serializer[Any]):
    search = SearchText(help_text="The beginning of a code, or words")


class ICD10CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField()


class ICD10ResultsSerializer(serializers.Serializer[Any]):
    results = ICD10CodeSerializer(many=True)
