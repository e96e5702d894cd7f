from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from scans.models import Instance, Series, Study
from scans.series.uploads import Share


class ProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class SeriesSerializer(serializers.ModelSerializer[Series]):
    patient = serializers.UUIDField(source="study.patient_id", read_only=True)
    study_uid = serializers.CharField(source="study.uid", read_only=True)
    instances = serializers.IntegerField(source="instance_count", read_only=True)
    frames = serializers.IntegerField(source="frame_count", read_only=True)
    plane = serializers.ChoiceField(
        choices=[*Series.Plane.choices, ("", "Not known")], read_only=True
    )
    facts = serializers.DictField(
        read_only=True,
        help_text="What all headers say together: `slices`, `spacing_mm` [row, column], "
        "`between_mm`, `voxel_mm3`, `missing`, `repeats`, `kind` (`t1c`, `t1` or nothing), and how "
        "the images were made. Empty until it is settled.",
    )
    problems = ProblemSerializer(many=True, read_only=True)
    worth_reading = serializers.BooleanField(
        read_only=True, help_text="Whether it is read unless a doctor chooses otherwise."
    )
    chosen = serializers.BooleanField(
        allow_null=True, help_text="A doctor's word on whether to read it; null: none."
    )
    thumbnail = serializers.SerializerMethodField(help_text="Address of a small PNG.")

    class Meta:
        model = Series
        fields = (
            "id",
            "study",
            "patient",
            "study_uid",
            "uid",
            "number",
            "modality",
            "description",
            "body_part",
            "started_at",
            "instances",
            "frames",
            "plane",
            "facts",
            "problems",
            "worth_reading",
            "worth_reason",
            "chosen",
            "ours",
            "received_at",
            "settled_at",
            "created_at",
            "updated_at",
            "thumbnail",
        )
        read_only_fields = tuple(field for field in fields if field != "chosen")

    def get_thumbnail(self, series: Series) -> str:
        return reverse("series-thumbnail", args=[series.pk])


class StudySerializer(serializers.ModelSerializer[Study]):
    series_count = serializers.SerializerMethodField()
    modalities = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields: tuple[str, ...] = (
            "id",
            "patient",
            "uid",
            "accession_number",
            "description",
            "started_at",
            "created_at",
            "series_count",
            "modalities",
        )
        read_only_fields = fields

    def get_series_count(self, study: Study) -> int:
        return len(shown_series(study))

    def get_modalities(self, study: Study) -> list[str]:
        return sorted({series.modality for series in shown_series(study) if series.modality})


def shown_series(study: Study) -> list[Series]:
    """The series that `scans.series.selectors.counted` fetched."""
    return study.shown_series  # type: ignore[attr-defined]


class StudyWithSeriesSerializer(StudySerializer):
    series = SeriesSerializer(source="shown_series", many=True, read_only=True)

    class Meta(StudySerializer.Meta):
        fields = (*StudySerializer.Meta.fields, "series")
        read_only_fields = fields


class GeometrySerializer(serializers.Serializer[Any]):
    """Millimetres in DICOM's patient coordinates (PS3.3, C.7.6.2)."""

    spacing_mm = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="[row, column]"
    )
    thickness_mm = serializers.FloatField(allow_null=True)
    between_mm = serializers.FloatField(allow_null=True)
    frames = serializers.ListField(
        child=serializers.ListField(child=serializers.ListField(child=serializers.FloatField())),
        help_text="Of each frame its position (3) and its orientation (6); empty if not known.",
    )


class InstanceSerializer(serializers.ModelSerializer[Instance]):
    geometry = GeometrySerializer(allow_null=True, read_only=True)
    file = serializers.SerializerMethodField(help_text="Address of the original.")

    class Meta:
        model = Instance
        fields = (
            "id",
            "series",
            "uid",
            "sop_class_uid",
            "transfer_syntax_uid",
            "number",
            "frames",
            "rows",
            "columns",
            "geometry",
            "format",
            "size_bytes",
            "sha256",
            "source",
            "created_at",
            "file",
        )
        read_only_fields = fields

    def get_file(self, instance: Instance) -> str:
        return reverse("instance-file", args=[instance.pk])


class StudyUploadSerializer(serializers.Serializer[Any]):
    """The multipart form of an upload."""

    file = serializers.ListField(
        # What is wrong with a file is said of that file.
        child=serializers.FileField(allow_empty_file=True),
        allow_empty=False,
        help_text="One or more: archives (ZIP), DICOM files, NIfTI volumes.",
    )


class ShareSerializer(serializers.Serializer[Share]):
    series = serializers.SerializerMethodField()
    filed = serializers.IntegerField(help_text="Instances that are new.")
    already_there = serializers.IntegerField(help_text="Instances that were there before.")

    @extend_schema_field(SeriesSerializer)
    def get_series(self, share: Share) -> Any:
        return SeriesSerializer(share.series).data


class RefusalSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """What became of an upload."""

    series = ShareSerializer(source="shares", many=True)
    refused = RefusalSerializer(many=True, help_text="Files that are not kept, and why.")
    ignored = serializers.ListField(
        child=serializers.CharField(), help_text="DICOMDIR and what computers leave in archives."
    )
    warnings = ProblemSerializer(
        many=True, help_text="Where the files contradict the patient's file."
    )
