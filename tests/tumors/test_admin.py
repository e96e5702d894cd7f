"""Admins manage the pages as records."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from tumors.models import TumorPage

CHANGELIST = reverse("admin:tumors_tumorpage_changelist")


def change_url(page: TumorPage) -> str:
    return reverse("admin:tumors_tumorpage_change", args=[page.pk])


def form_of(response) -> dict[str, object]:
    """What a browser would send back: every field as it was shown, line ends as CRLF."""
    form, inlines = response.context["adminform"].form, response.context["inline_admin_formsets"]
    data = {name: form[name].value() for name in form.fields}
    for formset in (inline.formset for inline in inlines):
        for part in (formset.management_form, *formset.forms):
            data |= {part.add_prefix(name): part[name].value() for name in part.fields}
    return {
        name: value.replace("\n", "\r\n") if isinstance(value, str) else value
        for name, value in data.items()
        if value not in (None, False)
    }


@pytest.fixture
def glioma(db) -> TumorPage:
    return TumorPage.objects.get(slug="glioma")


def test_the_list_opens_and_shows_what_is_edited(admin_site, glioma):
    TumorPage.objects.filter(slug="glioma").update(outlook="Ours.")
    html = admin_site.get(CHANGELIST).content.decode()
    as_shipped = re.findall(r'field-text_as_shipped.*?alt="(\w+)"', html)
    assert as_shipped == ["False", "True", "True", "True"]


def test_the_list_costs_the_same_for_more_pages(admin_site, glioma):
    admin_site.get(CHANGELIST)  # the first visit also notes the session
    with CaptureQueriesContext(connection) as before:
        admin_site.get(CHANGELIST)
    for number in range(3):
        glioma.pk, glioma.slug = None, f"copy-{number}"
        glioma.save()
    with CaptureQueriesContext(connection) as after:
        admin_site.get(CHANGELIST)
    assert len(after) == len(before)


def test_the_page_opens_with_its_sources_and_a_preview(admin_site, glioma):
    html = admin_site.get(change_url(glioma)).content.decode()
    assert "<h2>Types and grades</h2>" in html
    assert "<strong>Glioblastoma, IDH-wildtype</strong>" in html
    assert '<a href="https://doi.org/10.1093/neuonc/noab106">[1]</a>' in html
    assert 'value="who-cns-2021"' in html


def test_the_form_for_a_new_page_opens(admin_site):
    assert admin_site.get(reverse("admin:tumors_tumorpage_add")).status_code == 200


def test_saving_an_untouched_page_is_not_an_edit(admin_site, glioma):
    response = admin_site.post(change_url(glioma), form_of(admin_site.get(change_url(glioma))))
    assert response.status_code == 302
    glioma = TumorPage.objects.get(slug="glioma")
    assert not glioma.is_edited
    assert glioma.is_published


def test_an_edit_is_saved_and_marked(admin_site, glioma):
    data = form_of(admin_site.get(change_url(glioma))) | {"outlook": "Ours.\r\n\r\n- One"}
    assert admin_site.post(change_url(glioma), data).status_code == 302
    glioma = TumorPage.objects.get(slug="glioma")
    assert glioma.outlook == "Ours.\n\n- One"
    assert glioma.is_edited


def test_a_citation_without_its_source_is_refused(admin_site, glioma):
    data = form_of(admin_site.get(change_url(glioma))) | {"outlook": "Good. [@hearsay]"}
    response = admin_site.post(change_url(glioma), data)
    assert response.status_code == 200
    assert "cites [@hearsay], which is not among the sources" in response.content.decode()
    assert not TumorPage.objects.get(slug="glioma").is_edited


def test_a_source_that_is_still_cited_cannot_be_deleted(admin_site, glioma):
    data = form_of(admin_site.get(change_url(glioma))) | {"sources-0-DELETE": "on"}
    response = admin_site.post(change_url(glioma), data)
    assert "cites [@who-cns-2021], which is not among" in response.content.decode()


def test_the_shipped_text_can_be_put_back(admin_site, glioma):
    glioma.outlook = "Ours."
    glioma.save()
    data = {"action": "restore_shipped_text", "_selected_action": [glioma.pk]}
    response = admin_site.post(CHANGELIST, data, follow=True)
    assert "Restored: glioma." in response.content.decode()
    assert not TumorPage.objects.get(slug="glioma").is_edited


@pytest.mark.parametrize("role", [User.Role.DOCTOR, User.Role.STUDENT])
def test_only_admins_manage(db, role):
    client = Client()
    client.force_login(User.objects.create_user("someone@example.org", role=role))
    assert client.get(CHANGELIST).status_code == 302
