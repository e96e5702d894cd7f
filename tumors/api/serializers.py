from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tumors.content import SECTIONS
from tumors.markup import cited_keys, to_markdown
from tumors.models import TumorPage

# In the code and not in the text: no edit of a page can take it away.
DISCLAIMER = (
    "For education. This page does not replace a doctor, and a result of Falx is not a diagnosis. "
    "If you are worried about your health, see a doctor; in an emergency call your local number."
)


class TumorPageSummarySerializer(serializers.ModelSerializer[TumorPage]):
    class Meta:
        model = TumorPage
        fields: tuple[str, ...] = ("slug", "title", "summary", "updated_at")


class TumorSectionSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text=f"Stable, in this order: {', '.join(SECTIONS)}.")
    title = serializers.CharField()
    text = serializers.CharField(
        help_text=(
            "Markdown: paragraphs, bullets, bold, and numbered links to the sources such as "
            "`[[1]](https://doi.org/10.1093/neuonc/noab106)`."
        )
    )
    source_keys = serializers.ListField(
        child=serializers.CharField(), help_text="The sources that the section cites."
    )


class TumorSourceSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="As in the text, from 1.")
    key = serializers.CharField()
    title = serializers.CharField()
    authors = serializers.CharField(help_text="Empty where the publisher is the author.")
    publisher = serializers.CharField()
    year = serializers.IntegerField()
    doi = serializers.CharField(allow_null=True)
    url = serializers.URLField(help_text="Where to read it; made from the DOI where there is one.")


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

    @extend_schema_field(TumorSectionSerializer(many=True))
    def get_sections(self, page: TumorPage) -> list[dict[str, Any]]:
        links = page.links
        return [
            {
                "key": key,
                "title": SECTIONS[key],
                "text": to_markdown(text, links),
                "source_keys": cited_keys(text),
            }
            for key, text in page.sections.items()
        ]

    @extend_schema_field(TumorSourceSerializer(many=True))
    def get_sources(self, page: TumorPage) -> list[dict[str, Any]]:
        return [
            {
                "number": number,
                "key": source.key,
                "title": source.title,
                "authors": source.authors,
                "publisher": source.publisher,
                "year": source.year,
                "doi": source.doi or None,
                "url": source.address,
            }
            for number, source in enumerate(page.sources.all(), start=1)
        ]
