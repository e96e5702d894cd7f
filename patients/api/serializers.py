from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText, PlainTextModelSerializer
from patients.access import Level
from patients.models import Patient, PatientIdentifier, PatientMerge


class AccessSerializer(serializers.Serializer[dict[str, str]]):
    level = serializers.ChoiceField(choices=[level.name.lower() for level in Level])
    via = serializers.ChoiceField(choices=["team", "share", "emergency", "admin"])


class IdentifierSerializer(Strict, PlainTextModelSerializer):
    class Meta:
        model = PatientIdentifier
        fields = ("kind", "issuer", "value")


class PatientSerializer(Strict, PlainTextModelSerializer):
    identifiers = IdentifierSerializer(many=True, required=False, max_length=20)  # type: ignore[call-arg]
    age = serializers.IntegerField(read_only=True, allow_null=True, help_text="Years, today.")

    class Meta:
        model = Patient
        fields: tuple[str, ...] = (
            "id",
            "family_name",
            "given_name",
            "family_name_arabic",
            "given_name_arabic",
            "birth_date",
            "age_years",
            "age",
            "sex",
            "identifiers",
            "handedness",
            "phone",
            "email",
            "address",
            "emergency_contact_name",
            "emergency_contact_relation",
            "emergency_contact_phone",
            "notes",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")


class MyPatientSerializer(PatientSerializer):
    """A patient, and what the caller may do in the file."""

    access = serializers.SerializerMethodField()

    class Meta(PatientSerializer.Meta):
        fields = (*PatientSerializer.Meta.fields, "access")

    @extend_schema_field(AccessSerializer)
    def get_access(self, patient: Patient) -> dict[str, str]:
        level = Level(patient.access_level).name.lower()
        return {"level": level, "via": patient.access_via}


class WarningSerializer(serializers.Serializer[dict[str, object]]):
    code = serializers.CharField()
    message = serializers.CharField()
    patients = serializers.ListField(child=serializers.UUIDField())


class NewPatientSerializer(MyPatientSerializer):
    """A patient just opened; `warnings` name files that may be the same person's."""

    warnings = WarningSerializer(many=True, read_only=True)

    class Meta(MyPatientSerializer.Meta):
        fields = (*MyPatientSerializer.Meta.fields, "warnings")


class MergeRequestSerializer(Strict, serializers.Serializer[dict[str, object]]):
    absorb = serializers.UUIDField(help_text="The patient whose file is taken up.")
    reason = PlainText(max_length=500)


class MergeSerializer(serializers.ModelSerializer[PatientMerge]):
    merged_by = serializers.CharField(allow_null=True, read_only=True)
    undone_by = serializers.CharField(allow_null=True, read_only=True)

    class Meta:
        model = PatientMerge
        fields = (
            "id",
            "kept",
            "absorbed",
            "reason",
            "merged_by",
            "merged_at",
            "undone_by",
            "undone_at",
        )
        read_only_fields = fields
