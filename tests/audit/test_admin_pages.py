"""What admins see and change of patients through the admin site is written down like the rest."""

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import subjects
from audit.admin_pages import AuditedAdmin
from audit.models import Event
from inference.models import Analysis
from patients.models import HistoryEntry, Patient


@pytest.fixture
def rows(queued: Analysis, doctor: User) -> dict[str, Any]:
    """One row of each kind that has pages of its own."""
    scan = queued.scan
    entry = HistoryEntry(
        patient=scan.patient,
        kind=HistoryEntry.Kind.READING,
        subject_id=queued.id,
        title="Read",
        data={},
        author=doctor,
        occurred_at=scan.created_at,
    )
    entry.save()
    return {
        "patient": scan.patient,
        "entry": entry,
        "scan": scan,
        "study": scan.series.study,
        "analysis": queued,
    }


KINDS = ["patient", "entry", "scan", "study", "analysis"]


def page(row: Any, name: str) -> str:
    args = [] if name == "changelist" else [row.pk]
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=args)


def new_events(before: set[Any]) -> list[Event]:
    return list(Event.objects.exclude(pk__in=before))


def known() -> set[Any]:
    return set(Event.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("name", ["change", "history", "delete"])
@pytest.mark.parametrize("kind", KINDS)
def test_looking_at_a_row(
    admin_site: Client, admin: User, rows: dict[str, Any], kind: str, name: str
) -> None:
    row, before = rows[kind], known()
    assert admin_site.get(page(row, name)).status_code == 200

    (event,) = new_events(before)
    assert (event.action, event.user_id, event.why) == (f"{kind}.read", admin.id, "admin")
    assert event.patient_id == rows["patient"].pk
    assert (event.subject_kind, event.subject_id) == (kind, row.pk)


@pytest.mark.parametrize("kind", KINDS)
def test_looking_at_a_list(admin_site: Client, rows: dict[str, Any], kind: str) -> None:
    before = known()
    assert admin_site.get(page(rows[kind], "changelist")).status_code == 200

    (event,) = new_events(before)
    assert event.action == f"{kind}.list"
    assert event.details == {"patients": [str(rows["patient"].pk)], "search": ""}


@pytest.mark.parametrize("kind", KINDS)
def test_deleting_a_row(admin_site: Client, rows: dict[str, Any], kind: str) -> None:
    row, patient_id, before = rows[kind], rows["patient"].pk, known()
    assert admin_site.post(page(row, "delete"), {"post": "yes"}).status_code == 302

    (event,) = new_events(before)
    assert (event.action, event.patient_id) == (f"{kind}.delete", patient_id)


def test_deleting_several(admin_site: Client, rows: dict[str, Any]) -> None:
    scan, before = rows["scan"], known()
    chosen = {"action": "delete_selected", "_selected_action": [scan.pk], "post": "yes"}
    admin_site.post(page(scan, "changelist"), chosen)

    assert [event.action for event in new_events(before)] == ["scan.delete"]


def test_editing_a_patient(admin_site: Client, admin: User, patient: Patient) -> None:
    address = page(patient, "change")
    given = form_of(admin_site, address) | {"given_name": "Rima"}
    before = known()
    assert admin_site.post(address, given).status_code == 302

    (event,) = new_events(before)
    assert (event.action, event.patient_id) == ("patient.edit", patient.pk)
    assert event.user_id == admin.pk


def test_an_edit_that_is_refused_shows_the_patient_again(
    admin_site: Client, patient: Patient
) -> None:
    address = page(patient, "change")
    given = form_of(admin_site, address) | {"family_name": ""}
    before = known()
    assert admin_site.post(address, given).status_code == 200
    assert [event.action for event in new_events(before)] == ["patient.read"]


def test_opening_a_file_there(admin_site: Client, patient: Patient) -> None:
    before = known()
    add = reverse("admin:patients_patient_add")
    given = form_of(admin_site, add) | {"family_name": "Khoury", "sex": "male"}
    assert admin_site.post(add, given).status_code == 302

    (event,) = new_events(before)
    made = Patient.objects.get(family_name="Khoury")
    assert (event.action, event.patient_id) == ("patient.create", made.pk)


def test_retrying_from_a_list(admin_site: Client, queued: Analysis) -> None:
    Analysis.objects.update(status=Analysis.Status.FAILED)
    before = known()
    chosen = {"action": "retry", "_selected_action": [queued.pk]}
    admin_site.post(page(queued, "changelist"), chosen)

    assert [event.action for event in new_events(before)] == ["analysis.retry"]


def test_every_page_about_patients_is_of_this_kind() -> None:
    about = {Patient, *(kind.model for kind in subjects.registered())}
    plain = [
        model.__name__
        for model, pages in django_admin.site._registry.items()
        if not isinstance(pages, AuditedAdmin)
        and (model in about or any(f.related_model in about for f in model._meta.fields))
    ]
    assert plain == []


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What the form of a page would send if nothing in it was changed."""
    context = client.get(address).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    sent: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            sent[field.html_name] = "" if value is None else value
    return sent
