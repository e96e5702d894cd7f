from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from backend.api.text import PlainText
from scans.models import Scan


class ScanSerializer(serializers.ModelSerializer[Scan]):
    study_uid = serializers.CharField(source="series.study.uid", read_only=True)
    series_uid = serializers.CharField(source="series.uid", read_only=True)
    spacing_mm = serializers.SerializerMethodField(
        help_text="[row, column] spacing, null where the file does not say."
    )
    file = serializers.SerializerMethodField(help_text="Address of the original.")
    preview = serializers.SerializerMethodField(help_text="Address of a small PNG.")

    class Meta:
        model = Scan
        fields: tuple[str, ...] = (
            "id",
            "patient",
            "study_uid",
            "series_uid",
            "instance_uid",
            "instance_number",
            "original_name",
            "format",
            "size_bytes",
            "sha256",
            "width_px",
            "height_px",
            "spacing_mm",
            "acquired_at",
            "note",
            "created_at",
            "file",
            "preview",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "number"}, "nullable": True})
    def get_spacing_mm(self, scan: Scan) -> list[float | None] | None:
        if scan.row_spacing_mm is None:
            return None
        return [scan.row_spacing_mm, scan.column_spacing_mm]

    def get_file(self, scan: Scan) -> str:
        return reverse("scan-file", args=[scan.id])

    def get_preview(self, scan: Scan) -> str:
        return reverse("scan-preview", args=[scan.id])


class AboutScanSerializer(serializers.Serializer[Any]):
    """What whoever uploads a scan may say about it, however it is sent."""

    acquired_at = serializers.DateTimeField(required=False, allow_null=True)
    note = PlainText(multiline=True, required=False, allow_blank=True, max_length=2000)


class UploadSerializer(AboutScanSerializer):
    """The multipart form of an upload."""

    file = serializers.FileField(
        allow_empty_file=True,  # the decoder says better what is wrong with it
        help_text="One slice: PNG, JPEG or single-frame DICOM.",
    )
