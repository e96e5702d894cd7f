"""Shipped text and an admin's edits live together."""

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from tumors import services
from tumors.content import read_pages
from tumors.models import Source, TumorPage
from tumors.services import Outcome, load_pages, restore_pages

pytestmark = pytest.mark.django_db


def state() -> tuple[list[object], list[object]]:
    return list(TumorPage.objects.values()), list(Source.objects.values())


def ship(monkeypatch, slug: str, **changes) -> None:
    """Let the next version of Falx come with other text for one page."""
    pages = [replace(page, **changes) if page.slug == slug else page for page in read_pages()]
    monkeypatch.setattr(services, "read_pages", lambda: pages)


def edit(slug: str) -> None:
    page = TumorPage.objects.get(slug=slug)
    page.outlook = "Our clinic's words."
    page.save()


def test_pages_are_there_after_migrating():
    assert [page.content() for page in TumorPage.objects.all()] == read_pages()


def test_loading_again_changes_nothing():
    before = state()
    assert set(load_pages().values()) == {Outcome.UNCHANGED}
    assert state() == before


def test_an_untouched_page_follows_the_shipped_text(monkeypatch):
    ship(monkeypatch, "glioma", summary="Newer text.")
    outcomes = load_pages()
    assert outcomes["glioma"] == Outcome.REFRESHED
    assert outcomes["meningioma"] == Outcome.UNCHANGED
    page = TumorPage.objects.get(slug="glioma")
    assert page.summary == "Newer text."
    assert not page.is_edited


def test_an_edited_page_survives_loading_and_newer_text(monkeypatch):
    edit("glioma")
    ship(monkeypatch, "glioma", summary="Newer text.")
    before = state()
    assert load_pages()["glioma"] == Outcome.KEPT
    assert state() == before


def test_an_edited_source_counts_as_an_edit(monkeypatch):
    Source.objects.filter(page__slug="glioma", key="who-cns-2021").update(year=1999)
    ship(monkeypatch, "glioma", summary="Newer text.")
    assert load_pages()["glioma"] == Outcome.KEPT


def test_hiding_a_page_is_no_edit_and_survives_loading(monkeypatch):
    TumorPage.objects.filter(slug="glioma").update(is_published=False)
    ship(monkeypatch, "glioma", summary="Newer text.")
    assert load_pages()["glioma"] == Outcome.REFRESHED
    assert not TumorPage.objects.get(slug="glioma").is_published


def test_the_shipped_text_can_be_put_back():
    edit("glioma")
    assert restore_pages(slugs={"glioma", "not-shipped"}) == ["glioma"]
    assert TumorPage.objects.get(slug="glioma").content() == read_pages()[0]


def test_a_shipped_page_with_a_broken_citation_is_refused(monkeypatch):
    ship(monkeypatch, "glioma", sources=())
    with pytest.raises(ValidationError, match="not among the sources"):
        load_pages()


def test_the_command_says_what_it_did(capsys):
    edit("meningioma")
    call_command("load_tumor_pages")
    assert capsys.readouterr().out.splitlines() == [
        "glioma: unchanged",
        "meningioma: kept as edited",
        "pituitary: unchanged",
        "no-tumor: unchanged",
    ]
