"""The shipped text: complete, cited, in the words of WHO CNS5."""

import re

import pytest

from tumors.content import SECTIONS, SourceContent, read_pages
from tumors.markup import cited_keys

PAGES = {page.slug: page for page in read_pages()}
SLUGS = ["glioma", "meningioma", "pituitary", "no-tumor"]


def test_there_is_a_page_for_every_answer_of_the_engine_in_order():
    assert list(PAGES) == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_every_section_has_substance(slug):
    page = PAGES[slug]
    assert list(page.sections) == list(SECTIONS)
    assert all(len(text) > 200 for text in page.sections.values())
    assert 100 < len(page.summary) < 400


@pytest.mark.parametrize("slug", SLUGS)
def test_citations_and_sources_match_both_ways(slug):
    page = PAGES[slug]
    cited = {key for text in page.sections.values() for key in cited_keys(text)}
    keys = [source.key for source in page.sources]
    assert cited == set(keys)
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("slug", SLUGS)
def test_every_source_can_be_found_again(slug):
    for source in PAGES[slug].sources:
        assert source.title
        assert source.publisher
        assert 1990 <= source.year <= 2026
        assert bool(source.doi) != bool(source.url)
        if source.doi:
            assert re.fullmatch(r"10\.\d{4,9}/[^\s]+", source.doi)
        else:
            assert source.url.startswith("https://")


def test_the_same_source_is_described_alike_on_every_page():
    described: dict[str, SourceContent] = {}
    for page in PAGES.values():
        for source in page.sources:
            assert described.setdefault(source.key, source) == source


@pytest.mark.parametrize("slug", SLUGS)
def test_every_percentage_and_every_survival_time_names_its_source(slug):
    number = re.compile(r"\d%|\d (months|years) (with|and) |\d per 100,000|hazard ratio")
    for text in PAGES[slug].sections.values():
        for line in text.splitlines():
            if number.search(line):
                assert cited_keys(line), line


@pytest.mark.parametrize("slug", SLUGS)
def test_prose_is_british(slug):
    page = PAGES[slug]
    prose = " ".join([page.title, page.summary, *page.sections.values()])
    assert not re.search(r"\btumors?\b|\bhemorrhage|\bedema\b|\bpediatric", prose, re.IGNORECASE)


@pytest.mark.parametrize("slug", SLUGS)
def test_red_flags_name_the_emergency_number(slug):
    assert "emergency number" in PAGES[slug].sections["when_to_seek_help"]


def test_terms_are_those_of_who_cns5():
    glioma, meningioma, pituitary = (PAGES[slug].sections["types_and_grades"] for slug in SLUGS[:3])
    for term in (
        "Astrocytoma, IDH-mutant**: CNS WHO grade 2, 3 or 4",
        "Oligodendroglioma, IDH-mutant and 1p/19q-codeleted**: CNS WHO grade 2 or 3",
        "Glioblastoma, IDH-wildtype**: CNS WHO grade 4",
    ):
        assert term in glioma
    for term in ("15 subtypes", "TERT promoter mutation", "CDKN2A"):
        assert term in meningioma
    for term in ("PIT1", "TPIT", "SF1", "PitNET"):
        assert term in pituitary


def test_no_tumour_found_says_what_it_does_not_mean():
    text = PAGES["no-tumor"].sections["what_it_is"]
    for phrase in ("Not a study", "Not a normal brain", "rules out disease"):
        assert phrase in text
    assert "Symptoms count more" in PAGES["no-tumor"].sections["symptoms"]
