from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from backend.api.serializers import Strict
from backend.api.text import PlainText
from inference.api.measurements import SeriesMeasurementsSerializer
from inference.api.notes import NoteSerializer, PossibleLabelsField
from inference.models import Label, SeriesAnalysis, SeriesReview
from inference.series.selectors import current_review
from patients.history.kinds.written import ProbabilitiesSerializer

PRELIMINARY = "preliminary"


class SliceSerializer(serializers.Serializer[Any]):
    """What was found on one slice; slices stand in the order of their positions."""

    index = serializers.IntegerField()
    instance = serializers.CharField(help_text="SOP instance UID.")
    frame = serializers.IntegerField(help_text="Its number in the instance, from 1.")
    position_mm = serializers.FloatField(allow_null=True, help_text="Along the slices' normal.")
    accepted = serializers.BooleanField()
    label = serializers.ChoiceField(Label.choices, allow_null=True)  # type: ignore[assignment]
    probabilities = ProbabilitiesSerializer(allow_null=True)
    possible_labels = PossibleLabelsField()
    area_px = serializers.IntegerField(help_text="Of the tumour that was called.")
    area_mm2 = serializers.FloatField(allow_null=True)
    reasons = NoteSerializer(many=True)


class SeriesReviewSerializer(serializers.ModelSerializer[SeriesReview]):
    label = serializers.SerializerMethodField(help_text="Null where the reading was rejected.")  # type: ignore[assignment]
    reviewer = serializers.StringRelatedField[Any](allow_null=True)

    class Meta:
        model = SeriesReview
        fields = ("version", "decision", "label", "comment", "reviewer", "created_at")
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Label.choices, allow_null=True))
    def get_label(self, review: SeriesReview) -> str | None:
        return review.label or None


class SeriesReviewRequestSerializer(Strict, serializers.Serializer[Any]):
    """A decision; `label` goes with `corrected`."""

    decision = serializers.ChoiceField(SeriesReview.Decision.choices)
    label = serializers.ChoiceField(Label.choices, required=False)  # type: ignore[assignment]
    comment = PlainText(required=False, allow_blank=True, max_length=5000, multiline=True)
    supersedes = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Version of the review that this one takes the place of.",
    )


class StandingSerializer(serializers.Serializer[Any]):
    """What doctors say of a reading; but for `status`, all null while they say nothing."""

    status = serializers.CharField(help_text="preliminary, confirmed, corrected or rejected")
    version = serializers.IntegerField(allow_null=True)
    label = serializers.ChoiceField(Label.choices, allow_null=True)  # type: ignore[assignment]
    comment = serializers.CharField(allow_null=True)
    reviewer = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)


class SeriesAnalysisSerializer(serializers.ModelSerializer[SeriesAnalysis]):
    """A reading of a series, without its slices."""

    probabilities = ProbabilitiesSerializer(allow_null=True)
    possible_labels = PossibleLabelsField()
    measurements = SeriesMeasurementsSerializer(allow_null=True)
    reasons = NoteSerializer(many=True)
    elapsed_ms = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    release = serializers.SerializerMethodField()
    release_wanted = serializers.SerializerMethodField(help_text="Null: whichever is active.")
    error = serializers.SerializerMethodField()
    overlay = serializers.SerializerMethodField(help_text="Address of the key slice, outlined.")
    heatmap = serializers.SerializerMethodField(help_text="Address of what drove the class on it.")
    masks = serializers.SerializerMethodField(help_text="Address of all outlines, as an npz.")
    review = serializers.SerializerMethodField(help_text="`preliminary` until a doctor decides.")

    class Meta:
        model = SeriesAnalysis
        fields: tuple[str, ...] = (
            "id",
            "series",
            "status",
            "error",
            "slices_done",
            "slices_total",
            "label",
            "probabilities",
            "possible_labels",
            "reasons",
            "measurements",
            "overlay",
            "heatmap",
            "masks",
            "review",
            "elapsed_ms",
            "release",
            "release_wanted",
            "attempts",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Label.choices, allow_null=True))
    def get_label(self, analysis: SeriesAnalysis) -> str | None:
        return analysis.label or None

    def get_release(self, analysis: SeriesAnalysis) -> str | None:
        return analysis.release or None

    def get_release_wanted(self, analysis: SeriesAnalysis) -> str | None:
        return analysis.release_wanted or None

    @extend_schema_field(NoteSerializer(allow_null=True))
    def get_error(self, analysis: SeriesAnalysis) -> dict[str, str] | None:
        if not analysis.error_code:
            return None
        return {"code": analysis.error_code, "message": analysis.error_message}

    def get_overlay(self, analysis: SeriesAnalysis) -> str | None:
        return self._address(analysis, "overlay")

    def get_heatmap(self, analysis: SeriesAnalysis) -> str | None:
        return self._address(analysis, "heatmap")

    def get_masks(self, analysis: SeriesAnalysis) -> str | None:
        return self._address(analysis, "masks")

    def _address(self, analysis: SeriesAnalysis, name: str) -> str | None:
        if not analysis.files[name]:
            return None
        return reverse(f"series-analysis-{name}", args=[analysis.id])

    @extend_schema_field(StandingSerializer(allow_null=True))
    def get_review(self, analysis: SeriesAnalysis) -> dict[str, Any] | None:
        if analysis.status != SeriesAnalysis.Status.DONE:
            return None
        review = current_review(analysis)
        if review is None:
            return dict.fromkeys(StandingSerializer().fields) | {"status": PRELIMINARY}
        return {
            "status": review.decision,
            "version": review.version,
            "label": review.label or None,
            "comment": review.comment,
            "reviewer": None if review.reviewer is None else str(review.reviewer),
            "at": review.created_at,
        }


class SeriesAnalysisWithSlicesSerializer(SeriesAnalysisSerializer):
    """One analysis by itself, with what was found on each slice."""

    slices = SliceSerializer(many=True)

    class Meta(SeriesAnalysisSerializer.Meta):
        fields = (*SeriesAnalysisSerializer.Meta.fields, "slices")
        read_only_fields = fields
