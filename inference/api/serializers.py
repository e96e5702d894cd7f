from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from inference.api.measurements import MeasurementsSerializer
from inference.api.notes import NoteSerializer, PossibleLabelsField
from inference.models import Analysis, Label, Picture
from inference.reviews.api.serializers import (
    PolygonsField,
    ReadingReviewSerializer,
    ReadingReviewWithOutlineSerializer,
    standing,
)
from inference.reviews.drawings import stored_mask
from inference.reviews.outlines import trace
from patients.history.kinds.written import ProbabilitiesSerializer
from scans.api.serializers import ScanSerializer
from scans.models import Scan


class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    probabilities = ProbabilitiesSerializer(allow_null=True)
    possible_labels = PossibleLabelsField()
    measurements = MeasurementsSerializer(allow_null=True)
    reasons = NoteSerializer(many=True)
    elapsed_ms = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    release = serializers.SerializerMethodField()
    release_wanted = serializers.SerializerMethodField(help_text="Null: whichever is active.")
    error = serializers.SerializerMethodField()
    mask = serializers.SerializerMethodField(help_text="Address of the mask, null until done.")
    overlay = serializers.SerializerMethodField(help_text="Address of the slice with the outline.")
    heatmap = serializers.SerializerMethodField(help_text="Address of what drove the class.")
    review = serializers.SerializerMethodField(help_text="`preliminary` until a doctor decides.")

    class Meta:
        model = Analysis
        fields: tuple[str, ...] = (
            "id",
            "scan",
            "status",
            "error",
            "label",
            "probabilities",
            "possible_labels",
            "reasons",
            "measurements",
            "mask",
            "overlay",
            "heatmap",
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
    def get_label(self, analysis: Analysis) -> str | None:
        return analysis.label or None

    def get_release(self, analysis: Analysis) -> str | None:
        return analysis.release or None

    def get_release_wanted(self, analysis: Analysis) -> str | None:
        return analysis.release_wanted or None

    @extend_schema_field(NoteSerializer(allow_null=True))
    def get_error(self, analysis: Analysis) -> dict[str, str] | None:
        if not analysis.error_code:
            return None
        return {"code": analysis.error_code, "message": analysis.error_message}

    def get_mask(self, analysis: Analysis) -> str | None:
        return picture_address(analysis, Picture.MASK)

    def get_overlay(self, analysis: Analysis) -> str | None:
        return picture_address(analysis, Picture.OVERLAY)

    def get_heatmap(self, analysis: Analysis) -> str | None:
        return picture_address(analysis, Picture.HEATMAP)

    @extend_schema_field(ReadingReviewSerializer(allow_null=True))
    def get_review(self, analysis: Analysis) -> dict[str, Any] | None:
        return standing(analysis)


class AnalysisWithOutlinesSerializer(AnalysisSerializer):
    """One analysis by itself, with both outlines to draw: the model's and the doctor's."""

    polygons = serializers.SerializerMethodField(help_text="The model's outline, null until done.")

    class Meta(AnalysisSerializer.Meta):
        fields = (*AnalysisSerializer.Meta.fields, "polygons")
        read_only_fields = fields

    @extend_schema_field(PolygonsField(allow_null=True))
    def get_polygons(self, analysis: Analysis) -> list[Any] | None:
        return trace(stored_mask(analysis.mask)) if analysis.mask else None

    @extend_schema_field(ReadingReviewWithOutlineSerializer(allow_null=True))
    def get_review(self, analysis: Analysis) -> dict[str, Any] | None:
        return standing(analysis, ReadingReviewWithOutlineSerializer)


def picture_address(analysis: Analysis, kind: Picture) -> str | None:
    if not analysis.pictures[kind]:
        return None
    return reverse(f"analysis-{kind.value}", args=[analysis.id])


class ScanWithAnalysisSerializer(ScanSerializer):
    """A scan together with its newest analysis."""

    analysis = serializers.SerializerMethodField()

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "analysis")
        read_only_fields = fields

    @extend_schema_field(AnalysisSerializer(allow_null=True))
    def get_analysis(self, scan: Scan) -> dict[str, Any] | None:
        newest = next(iter(scan.analyses.all()), None)
        return AnalysisSerializer(newest).data if newest else None
