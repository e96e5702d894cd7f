"""The inbox as the API shows it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.text import PlainText
from dicom.inbox.selectors import Candidate
from dicom.models import Arrival

Row = dict[str, Any]


class SentPersonSerializer(serializers.Serializer[Row]):
    """The patient as the objects have them: nothing of it has been checked."""

    number = serializers.CharField(source="patient_number")
    issuer = serializers.CharField(help_text="The sender's where the objects name none.")
    name = serializers.CharField(source="patient_name", help_text="As DICOM writes names.")
    birth_date = serializers.DateField(allow_null=True)
    sex = serializers.CharField(help_text="M, F, O or nothing.")


class ReasonSerializer(serializers.Serializer[Row]):
    code = serializers.ChoiceField(Arrival.Reason.choices)
    message = serializers.CharField()
    count = serializers.IntegerField()


class GroupSerializer(serializers.Serializer[Row]):
    """What one sender sent of one study of one person."""

    key = serializers.UUIDField(source="group")
    study_uid = serializers.CharField()
    patient = SentPersonSerializer(source="*")
    modality = serializers.CharField()
    description = serializers.CharField(source="study_description")
    studied_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    since = serializers.DateTimeField()
    count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    reasons = serializers.SerializerMethodField()

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, row: Row) -> list[Row]:
        return [
            {"code": reason.value, "message": reason.label, "count": row[reason.value]}
            for reason in Arrival.Reason
            if row[reason.value]
        ]


class CandidateSerializer(serializers.Serializer[Candidate]):
    """A patient of the caller's who might be the one: a hint, never a match."""

    patient = serializers.UUIDField(source="patient.id")
    name = serializers.CharField(source="patient.__str__")
    birth_date = serializers.DateField(source="patient.birth_date", allow_null=True)
    sex = serializers.CharField(source="patient.sex")
    same = serializers.ListField(
        child=serializers.ChoiceField(["number", "name_and_birth_date"]),
        help_text="The number is the same by whoever gave it.",
    )
    differs = serializers.ListField(child=serializers.ChoiceField(["birth_date", "sex"]))


class SentSeriesSerializer(serializers.Serializer[Row]):
    series_uid = serializers.CharField()
    modality = serializers.CharField()
    count = serializers.IntegerField()


class GroupDetailSerializer(GroupSerializer):
    series = SentSeriesSerializer(many=True)
    candidates = CandidateSerializer(many=True)


class AssignSerializer(serializers.Serializer[Any]):
    patient = serializers.UUIDField()
    add_identifier = serializers.BooleanField(
        default=False,
        help_text="Make the number one of the patient's: the next ones find the file by it.",
    )


class ConflictSerializer(serializers.Serializer[Any]):
    instance_uid = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class OutcomeSerializer(serializers.Serializer[Any]):
    filed = serializers.IntegerField()
    already_there = serializers.IntegerField()
    conflicts = ConflictSerializer(many=True, help_text="These go on waiting.")
    series = serializers.ListField(
        child=serializers.UUIDField(), help_text="Where the objects are now."
    )


class DiscardSerializer(serializers.Serializer[Any]):
    reason = PlainText(max_length=500)


class DiscardedSerializer(serializers.Serializer[Any]):
    discarded = serializers.IntegerField()
