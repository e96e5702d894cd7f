"""What the system writes: attached files, readings of scans, second opinions."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.text import PlainText
from patients.history.kinds.base import Data, Values


class AttachmentData(Data):
    """A PDF or a picture. Only what it is called here can be changed."""

    text = PlainText(required=False, help_text="What it is.")
    original_name = serializers.CharField(read_only=True)
    content_type = serializers.CharField(read_only=True)
    size_bytes = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    pages = serializers.IntegerField(read_only=True, allow_null=True, help_text="Of a PDF.")
    width_px = serializers.IntegerField(read_only=True, allow_null=True, help_text="Of a picture.")
    height_px = serializers.IntegerField(read_only=True, allow_null=True)
    file = serializers.CharField(read_only=True, help_text="Address of the file.")

    def title(self, data: Values) -> str:
        return data.get("text") or data["original_name"] or "Attachment"

    def to_representation(self, instance: Values) -> Values:
        """Say what is not known of this kind of file by null."""
        unknown: Values = {name: None for name, field in self.fields.items() if field.allow_null}
        return super().to_representation(unknown | instance)


# As `inference.models.Label`, which lies above; the schema would warn if they differed.
LABELS = [
    ("glioma", "Glioma"),
    ("meningioma", "Meningioma"),
    ("pituitary", "Pituitary tumour"),
    ("no_tumor", "No tumour found"),
]


@extend_schema_field(serializers.ChoiceField(LABELS))
class LabelField(serializers.CharField):
    """What a reading says it is; nobody enters it."""


class ProbabilitiesSerializer(serializers.Serializer[dict[str, float]]):
    """Of the four classes, in this order however the database keeps them; the sum is 1."""

    glioma = serializers.FloatField()
    meningioma = serializers.FloatField()
    pituitary = serializers.FloatField()
    no_tumor = serializers.FloatField()


class ReviewSerializer(serializers.Serializer[Values]):
    """What a doctor decided about a reading."""

    version = serializers.IntegerField()
    decision = serializers.CharField()
    reviewer = serializers.CharField()
    at = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(allow_blank=True)
    overlay = serializers.CharField(allow_null=True)


class ReadingData(Data):
    """A reading as it stood when it was written; the pictures are addresses in this API."""

    analysis = serializers.UUIDField()
    scan = serializers.UUIDField()
    status = serializers.CharField(help_text="`preliminary`: no doctor has signed it.")
    label = LabelField()  # type: ignore[assignment]
    probabilities = ProbabilitiesSerializer()
    possible_labels = serializers.ListField(
        child=LabelField(),
        allow_null=True,
        required=False,
        help_text="Labels that the release could not rule out; null where it does not know.",
    )
    reasons = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    measurements = serializers.JSONField(allow_null=True)
    mask = serializers.CharField()
    overlay = serializers.CharField()
    heatmap = serializers.CharField()
    elapsed_ms = serializers.DictField(child=serializers.FloatField())
    release = serializers.CharField()
    review = ReviewSerializer(required=False, help_text="Once a doctor has reviewed it.")

    def to_representation(self, instance: Values) -> Values:
        shown = super().to_representation(instance)
        if "probabilities" in shown:
            shown["probabilities"] = ProbabilitiesSerializer(shown["probabilities"]).data
        return shown


class OpinionData(Data):
    """A second opinion as it was given."""

    opinion = serializers.UUIDField()
    scan = serializers.UUIDField()
    question = serializers.CharField()
    answer = serializers.CharField()
