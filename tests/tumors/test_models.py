import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tumors.models import Source, TumorPage

pytestmark = pytest.mark.django_db


def source(**changes: object) -> Source:
    fields = {"key": "new-2020", "title": "T", "publisher": "P", "year": 2020, "doi": "10.1000/x"}
    return Source(page=TumorPage.objects.get(slug="glioma"), **(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"doi": ""},
        {"doi": "doi:10.1000/x"},
        {"doi": "", "url": "ftp://example.org/x"},
        {"year": 1066},
        {"key": "No Spaces"},
        {"key": "who-cns-2021"},
    ],
)
def test_a_source_that_cannot_be_found_again_is_refused(changes):
    with pytest.raises(ValidationError):
        source(**changes).full_clean()


@pytest.mark.parametrize("changes", [{"doi": ""}, {"year": 1066}, {"key": "who-cns-2021"}])
def test_the_database_refuses_it_too(changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        source(**changes).save()


def test_a_doi_with_parentheses_gives_an_address_that_markdown_can_hold():
    address = source(doi="10.1016/S1470-2045(09)70025-7").address
    assert address == "https://doi.org/10.1016/S1470-2045%2809%2970025-7"


def test_a_page_with_an_empty_section_is_refused():
    page = TumorPage.objects.get(slug="glioma")
    page.treatment = " "
    with pytest.raises(ValidationError) as refused:
        page.full_clean()
    assert set(refused.value.message_dict) == {"treatment"}
