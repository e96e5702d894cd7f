from typing import Any

from rest_framework import serializers

from tumors.content import SECTIONS
from tumors.markup import cited_keys, to_markdown
from tumors.models import Source, TumorPage

# In the code and not in the text: no edit of a page can take it away.
DISCLAIMER = (
    "For education. This page does not replace a doctor, and a result of Falx is not a diagnosis. "
    "If you are worried about your health, see a doctor; in an emergency call your local number."
)


class TumorPageSummarySerializer(serializers.ModelSerializer[TumorPage]):
    class Meta:
        model = TumorPage
        fields = ("slug", "title", "summary", "updated_at")


class TumorSectionSerializer(serializers.Serializer[dict[str, Any]]):
    key = serializers.CharField(help_text=f"Stable. In this order: {', '.join(SECTIONS)}.")
    title = serializers.CharField()
    text = serializers.CharField(
        help_text=(
            "Markdown: paragraphs, bullets, bold, and numbered links to the sources, "
            "such as `[[1]](https://doi.org/10.1093/neuonc/noab106)`."
        )
    )
    sources = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the sources that the section cites."
    )


class TumorSourceSerializer(serializers.ModelSerializer[Source]):
    number = serializers.SerializerMethodField(help_text="As in the text, from 1.")
    doi = serializers.SerializerMethodField()
    url = serializers.CharField(source="address", help_text="Always there: the DOI's or its own.")

    class Meta:
        model = Source
        fields = ("number", "key", "title", "authors", "publisher", "year", "doi", "url")

    def get_number(self, source: Source) -> int:
        return self.context["links"][source.key][0]

    def get_doi(self, source: Source) -> str | None:
        return source.doi or None


class TumorPageSerializer(TumorPageSummarySerializer):
    disclaimer = serializers.SerializerMethodField()
    sections = serializers.SerializerMethodField()
    sources = serializers.SerializerMethodField()

    class Meta(TumorPageSummarySerializer.Meta):
        fields = (
            "slug",
            "title",
            "summary",
            "disclaimer",
            "sections",
            "sources",
            "updated_at",
        )

    def get_disclaimer(self, page: TumorPage) -> str:
        return DISCLAIMER
