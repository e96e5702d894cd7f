from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView, RetrieveAPIView

from backend.api.pagination import Pages
from tumors import selectors
from tumors.api.serializers import DISCLAIMER, TumorPageSerializer, TumorPageSummarySerializer
from tumors.models import TumorPage

SUMMARY_EXAMPLE = {
    "slug": "glioma",
    "title": "Glioma",
    "summary": "Gliomas are tumours of the brain and spinal cord whose cells resemble glia.",
    "updated_at": "2026-11-02T08:00:00Z",
}
PAGE_EXAMPLE = SUMMARY_EXAMPLE | {
    "disclaimer": DISCLAIMER,
    "sections": [
        {
            "key": "types_and_grades",
            "title": "Types and grades",
            "text": "- **Astrocytoma, IDH-mutant**: CNS WHO grade 2, 3 or 4. "
            "[[1]](https://doi.org/10.1093/neuonc/noab106)",
            "source_keys": ["who-cns-2021"],
        }
    ],
    "sources": [
        {
            "number": 1,
            "key": "who-cns-2021",
            "title": "The 2021 WHO Classification of Tumors of the Central Nervous System: "
            "a summary",
            "authors": "Louis DN, Perry A, Wesseling P, et al.",
            "publisher": "Neuro-Oncology 23(8):1231-1251",
            "year": 2021,
            "doi": "10.1093/neuonc/noab106",
            "url": "https://doi.org/10.1093/neuonc/noab106",
        }
    ],
}


class InReadingOrder(Pages):
    ordering = ("position", "id")

    def check_position(self, position: str) -> None:
        int(position)


@extend_schema_view(
    get=extend_schema(
        operation_id="tumors_list",
        summary="The tumour pages",
        description="Pages for reading: glioma, meningioma, pituitary tumour, no tumour found.",
        tags=["tumors"],
        examples=[OpenApiExample("A page of the list", value=SUMMARY_EXAMPLE, response_only=True)],
    )
)
class TumorPageListView(ListAPIView[TumorPage]):
    serializer_class = TumorPageSummarySerializer
    pagination_class = InReadingOrder

    def get_queryset(self) -> QuerySet[TumorPage]:
        return selectors.published_pages()


@extend_schema_view(
    get=extend_schema(
        operation_id="tumors_retrieve",
        summary="One tumour page with its sources",
        description=(
            "The slug is the engine's label with hyphens for underscores: the label `no_tumor` "
            "is explained at `no-tumor`."
        ),
        tags=["tumors"],
        examples=[OpenApiExample("Glioma, shortened", value=PAGE_EXAMPLE, response_only=True)],
    )
)
class TumorPageView(RetrieveAPIView[TumorPage]):
    serializer_class = TumorPageSerializer
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[TumorPage]:
        return selectors.published_pages_in_full()
