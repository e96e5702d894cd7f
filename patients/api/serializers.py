from rest_framework import serializers

from patients.models import HistoryEntry, Patient


class PatientSerializer(serializers.ModelSerializer[Patient]):
    class Meta:
        model = Patient
        fields = (
            "id",
            "family_name",
            "given_name",
            "birth_date",
            "sex",
            "record_number",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")


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


class HistoryEntrySerializer(serializers.ModelSerializer[HistoryEntry]):
    author = serializers.CharField(allow_null=True, read_only=True)
    reading = ReadingDataSerializer(source="data", read_only=True)

    class Meta:
        model = HistoryEntry
        fields = ("id", "kind", "title", "author", "occurred_at", "recorded_at", "reading")
        read_only_fields = fields
