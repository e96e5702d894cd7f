from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText
from inference.api.measurements import MeasurementsSerializer
from inference.models import Analysis, Comment, Label, Review
from inference.reviews.drawings import check_rings
from inference.reviews.history import picture_of
from inference.reviews.outlines import Ring
from inference.reviews.selectors import current_review

PRELIMINARY = "preliminary"
POLYGONS = {
    "type": "array",
    "description": "Rings of [x, y] in pixels of the upright slice, a pixel's centre at whole "
    "numbers; filled by the even-odd rule, a ring in a ring is a hole.",
    "items": {
        "type": "array",
        "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}},
    },
}


@extend_schema_field(POLYGONS)
class PolygonsField(serializers.Field):
    """An outline: see `drawings.check_rings` for what is refused."""

    def to_internal_value(self, data: Any) -> list[Ring]:
        return check_rings(data)

    def to_representation(self, value: Any) -> Any:
        return value


class ReviewRequestSerializer(Strict, serializers.Serializer[Any]):
    """A decision; `label`, `outline` and `mask` go with `corrected`, `reason` with `rejected`."""

    decision = serializers.ChoiceField(Review.Decision.choices)
    label = serializers.ChoiceField(Label.choices, required=False)  # type: ignore[assignment]
    outline = PolygonsField(required=False, help_text="[] says that there is nothing to outline.")
    reason = PlainText(required=False, max_length=500)
    comment = PlainText(required=False, allow_blank=True, max_length=2000, multiline=True)
    supersedes = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=32767,
        help_text="Version of the review that this one takes the place of.",
    )


class ReviewFormSerializer(ReviewRequestSerializer):
    """The same as a multipart form, with the outline as a mask."""

    outline = None  # type: ignore[assignment]
    mask = serializers.FileField(
        required=False,
        allow_empty_file=True,  # the decoder says better what is wrong with it
        help_text="PNG of the slice's size: 0 outside, one other value inside.",
    )


class ReadingReviewSerializer(serializers.ModelSerializer[Review]):
    """A doctor's answer; but for `status`, all null while there is none."""

    status = serializers.CharField(
        source="decision", help_text="preliminary, signed, corrected or rejected"
    )
    version = serializers.IntegerField(allow_null=True)
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    measurements = MeasurementsSerializer(allow_null=True)
    outlined_by = serializers.ChoiceField(Review.Outline.choices, source="outline", allow_null=True)
    dice = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    comment = serializers.CharField(allow_null=True)
    mask = serializers.SerializerMethodField(help_text="Address; null where nothing is outlined.")
    overlay = serializers.SerializerMethodField(help_text="Address; the doctor's line is pink.")
    reviewer = serializers.CharField(source="reviewer_name", allow_null=True)
    at = serializers.DateTimeField(source="created_at", allow_null=True)

    class Meta:
        model = Review
        fields: tuple[str, ...] = (
            "status",
            "version",
            "label",
            "measurements",
            "outlined_by",
            "dice",
            "mask",
            "overlay",
            "reason",
            "comment",
            "reviewer",
            "at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Label.choices, allow_null=True))
    def get_label(self, review: Review) -> str | None:
        return review.label or None

    def get_mask(self, review: Review) -> str | None:
        return picture_of(review, "mask")

    def get_overlay(self, review: Review) -> str | None:
        return picture_of(review, "overlay")


class ReadingReviewWithOutlineSerializer(ReadingReviewSerializer):
    """The review that counts, with its outline to draw."""

    polygons = PolygonsField(read_only=True, allow_null=True)

    class Meta(ReadingReviewSerializer.Meta):
        fields = (*ReadingReviewSerializer.Meta.fields, "polygons")
        read_only_fields = fields


class CommentSerializer(Strict, serializers.ModelSerializer[Comment]):
    text = PlainText(max_length=2000, multiline=True)
    author = serializers.CharField(source="author_name", read_only=True)

    class Meta:
        model = Comment
        fields = ("id", "text", "author", "created_at")
        read_only_fields = ("id", "created_at")


def standing(
    analysis: Analysis, serializer: type[ReadingReviewSerializer] = ReadingReviewSerializer
) -> dict[str, Any] | None:
    """What doctors say of a reading: preliminary until one decides; None while there is none."""
    if analysis.status != Analysis.Status.DONE:
        return None
    review = current_review(analysis)
    if review is None:
        return dict.fromkeys(serializer.Meta.fields) | {"status": PRELIMINARY}
    review.analysis = analysis
    return dict(serializer(review).data)
