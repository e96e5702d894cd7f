"""Everything that changes tumour pages, apart from an admin's own edits in Django admin.

The text has two masters: it is shipped in git, so that it is reviewed, versioned and there on the
first start; and admins may change it where it is read. Each row therefore remembers the digest of
the shipped text it was filled with. While its own digest still equals that one, nobody touched it
and a newer shipped text replaces it. Once they differ, an admin did, and loading leaves the page
alone for good (or until the admin asks for the shipped text back). No flag has to be kept in step
with edits: the comparison is the flag. A data migration would run once and never refresh.
"""

from collections.abc import Collection
from enum import StrEnum

from django.db import transaction

from tumors.content import PageContent, read_pages
from tumors.models import Source, TumorPage


class Outcome(StrEnum):
    CREATED = "created"
    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    KEPT = "kept as edited"


@transaction.atomic
def load_pages() -> dict[str, Outcome]:
    """Bring the shipped pages into the database; edited pages stay. Safe to run at any time.

    Returns:
        What happened to each shipped page, by slug.
    """
    rows = {row.slug: row for row in TumorPage.objects.prefetch_related("sources")}
    return {page.slug: _load(page, rows.get(page.slug)) for page in read_pages()}


@transaction.atomic
def restore_pages(*, slugs: Collection[str]) -> list[str]:
    """Put the shipped text back, over any edits; return the slugs that have shipped text."""
    shipped = [page for page in read_pages() if page.slug in slugs]
    for page in shipped:
        _fill(TumorPage.objects.get(slug=page.slug), page)
    return [page.slug for page in shipped]


def _load(page: PageContent, row: TumorPage | None) -> Outcome:
    if row is None:
        _fill(TumorPage(slug=page.slug), page)
        return Outcome.CREATED
    if row.is_edited:
        return Outcome.KEPT
    if row.loaded_digest == page.digest():
        return Outcome.UNCHANGED
    _fill(row, page)
    return Outcome.REFRESHED


def _fill(row: TumorPage, page: PageContent) -> None:
    for field, value in page.sections.items():
        setattr(row, field, value)
    row.position, row.title, row.summary = page.position, page.title, page.summary
    row.loaded_digest = page.digest()
    row.check_citations({source.key for source in page.sources})
    row.full_clean()
    row.save()
    row.sources.all().delete()
    for position, content in enumerate(page.sources, start=1):
        source = Source(page=row, position=position, **vars(content))
        source.full_clean()
        source.save()
