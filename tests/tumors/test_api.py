from base64 import b64encode
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from tumors.content import SECTIONS
from tumors.models import TumorPage

LIST = "/api/v1/tumors"
SLUGS = ["glioma", "meningioma", "pituitary", "no-tumor"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIST, f"{LIST}/glioma"])
def test_anonymous_must_sign_in(path):
    assert APIClient().get(path).status_code == 401


def test_every_role_lists_the_pages_in_order(signed_in, django_assert_num_queries):
    with django_assert_num_queries(1):
        body = signed_in.get(LIST).json()
    assert [page["slug"] for page in body["results"]] == SLUGS
    assert set(body["results"][0]) == {"slug", "title", "summary", "updated_at"}
    assert [page["title"] for page in body["results"]] == [
        "Glioma",
        "Meningioma",
        "Pituitary tumour",
        "No tumour found",
    ]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_role_reads_a_page(signed_in, slug, django_assert_num_queries):
    with django_assert_num_queries(2):
        response = signed_in.get(f"{LIST}/{slug}")
    page = response.json()
    assert response.status_code == 200
    assert [section["key"] for section in page["sections"]] == list(SECTIONS)
    assert [section["title"] for section in page["sections"]] == list(SECTIONS.values())
    assert all(section["text"] for section in page["sections"])
    assert [source["number"] for source in page["sources"]] == [
        number for number, _ in enumerate(page["sources"], start=1)
    ]
    assert all(
        source["year"] and source["url"].startswith("https://") for source in page["sources"]
    )
    assert "does not replace a doctor" in page["disclaimer"]


def test_citations_are_numbered_links_to_the_listed_sources(signed_in):
    page = signed_in.get(f"{LIST}/meningioma").json()
    by_key = {source["key"]: source for source in page["sources"]}
    for section in page["sections"]:
        assert "[@" not in section["text"]
        for key in section["source_keys"]:
            source = by_key[key]
            assert f"[[{source['number']}]]({source['url']})" in section["text"]


def test_the_list_walks_by_cursor(signed_in):
    first = signed_in.get(LIST, {"page_size": 3}).json()
    second = signed_in.get(first["next"]).json()
    assert [page["slug"] for page in first["results"] + second["results"]] == SLUGS


def test_what_was_read_before_is_not_sent_again(signed_in):
    etag = signed_in.get(f"{LIST}/glioma")["ETag"]
    assert signed_in.get(f"{LIST}/glioma", HTTP_IF_NONE_MATCH=etag).status_code == 304
    page = TumorPage.objects.get(slug="glioma")
    page.sources.update(year=1999)
    assert signed_in.get(f"{LIST}/glioma", HTTP_IF_NONE_MATCH=etag).status_code == 200


@pytest.mark.parametrize("slug", ["lymphoma", "no_tumor", "GLIOMA"])
def test_an_unknown_page_is_not_found(signed_in, slug):
    response = signed_in.get(f"{LIST}/{slug}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_a_hidden_page_is_not_there(signed_in):
    TumorPage.objects.filter(slug="glioma").update(is_published=False)
    assert signed_in.get(f"{LIST}/glioma").status_code == 404
    assert [page["slug"] for page in signed_in.get(LIST).json()["results"]] == SLUGS[1:]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_through_the_api(signed_in, method):
    for path in (LIST, f"{LIST}/glioma"):
        assert getattr(signed_in, method)(path, {}).status_code == 405


@pytest.mark.parametrize("position", ["x", "9" * 30, "1.5", ""])
def test_a_made_up_cursor_leads_nowhere_or_to_a_page(signed_in, position):
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    assert signed_in.get(LIST, {"cursor": cursor}).status_code in (200, 404)
