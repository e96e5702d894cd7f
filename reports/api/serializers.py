from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from backend.api.serializers import Strict
from backend.api.text import PlainText
from reports.models import Archive
from reports.words import Language


class ReportQuerySerializer(serializers.Serializer[Any]):
    """How a report is wanted."""

    language = serializers.ChoiceField(
        choices=[(language.value, language.name.title()) for language in Language],
        default=Language.ENGLISH.value,
    )


class ArchiveSerializer(serializers.ModelSerializer[Archive]):
    file = serializers.SerializerMethodField(help_text="Address of the ZIP, null until ready.")

    class Meta:
        model = Archive
        fields = (
            "id",
            "patient",
            "status",
            "file",
            "size_bytes",
            "sha256",
            "created_at",
            "finished_at",
            "expires_at",
        )
        read_only_fields = fields

    def get_file(self, archive: Archive) -> str | None:
        return reverse("archive-file", args=[archive.pk]) if archive.file else None


class ErasureSerializer(Strict):
    """Why a whole file is erased: written into the audit, which stays."""

    reason = PlainText(max_length=500)
