"""Everything that reads tumour pages for a caller. Every signed-in role sees the same pages."""

from django.db.models import QuerySet

from tumors.models import TumorPage


def published_pages() -> QuerySet[TumorPage]:
    """Return the pages in their order, without the long text."""
    return TumorPage.objects.filter(is_published=True).only(
        "slug", "position", "title", "summary", "updated_at"
    )


def published_pages_in_full() -> QuerySet[TumorPage]:
    """Return the pages with all their text and sources, in two queries."""
    return TumorPage.objects.filter(is_published=True).prefetch_related("sources")
