from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.serializers import Strict
from patients.access import Level
from patients.models import HistoryEntry, Patient, PatientIdentifier, PatientMerge


class AccessSerializer(serializers.Serializer[dict[str, str]]):
    level = serializers.ChoiceField(choices=[level.name.lower() for level in Level])
    via = serializers.ChoiceField(choices=["team", "share", "emergency", "admin"])


class IdentifierSerializer(Strict, serializers.ModelSerializer[PatientIdentifier]):
    class Meta:
        model = PatientIdentifier
        fields = ("kind", "issuer", "value")


class PatientSerializer(Strict, serializers.ModelSerializer[Patient]):
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
    reason = serializers.CharField(max_length=500)


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


class ProbabilitiesSerializer(serializers.Serializer[dict[str, float]]):
    """Of the four classes, in this order however the database keeps them; the sum is 1."""

    glioma = serializers.FloatField()
    meningioma = serializers.FloatField()
    pituitary = serializers.FloatField()
    no_tumor = serializers.FloatField()


class ReadingDataSerializer(serializers.Serializer[dict[str, object]]):
    """A reading as it stood when it was written; the pictures are addresses in this API."""

    analysis = serializers.UUIDField()
    scan = serializers.UUIDField()
    status = serializers.CharField(help_text="`preliminary`: no doctor has signed it.")
    label = serializers.CharField()  # type: ignore[assignment]
    probabilities = ProbabilitiesSerializer()
    reasons = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    measurements = serializers.JSONField(allow_null=True)
    mask = serializers.CharField()
    overlay = serializers.CharField()
    heatmap = serializers.CharField()
    elapsed_ms = serializers.DictField(child=serializers.FloatField())
    release = serializers.CharField()


class OpinionDataSerializer(serializers.Serializer[dict[str, object]]):
    """A second opinion as it was given."""

    opinion = serializers.UUIDField()
    scan = serializers.UUIDField()
    question = serializers.CharField()
    answer = serializers.CharField()


class HistoryEntrySerializer(serializers.ModelSerializer[HistoryEntry]):
    author = serializers.CharField(allow_null=True, read_only=True)
    reading = serializers.SerializerMethodField(help_text="Null for entries of other kinds.")
    opinion = serializers.SerializerMethodField(help_text="Null for entries of other kinds.")

    class Meta:
        model = HistoryEntry
        fields = (
            "id",
            "kind",
            "title",
            "author",
            "occurred_at",
            "recorded_at",
            "reading",
            "opinion",
        )
        read_only_fields = fields

    @extend_schema_field(ReadingDataSerializer(allow_null=True))
    def get_reading(self, entry: HistoryEntry) -> dict[str, object] | None:
        if entry.kind != HistoryEntry.Kind.READING:
            return None
        return ReadingDataSerializer(entry.data).data

    @extend_schema_field(OpinionDataSerializer(allow_null=True))
    def get_opinion(self, entry: HistoryEntry) -> dict[str, object] | None:
        if entry.kind != HistoryEntry.Kind.OPINION:
            return None
        return OpinionDataSerializer(entry.data).data
