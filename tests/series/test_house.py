"""Series in the rest of the house: merges, erasure, retention, archives, the admin site."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from patients.merge import merge, undo
from patients.models import Patient
from patients.services import create_patient
from reports import media
from reports.archives import services as archives
from reports.erasure import erase, kept_long_enough
from scans.models import Instance, Series, Study
from scans.series.services import file_instance, settle
from tests.series.make import as_bytes, make_series


def file_all(patient: Patient, places: slice = slice(None), **kind: Any) -> Series:
    for one in make_series(**kind)[places]:
        filed = file_instance(patient=patient, data=as_bytes(one))
    return settle(filed.instance.series)


def contents(patient: Patient) -> dict[str, set[str]]:
    """Series of a file by their UIDs, each with its instances' UIDs."""
    series = Series.objects.filter(study__patient=patient)
    return {one.uid: set(one.instances.values_list("uid", flat=True)) for one in series}


def test_a_merge_joins_what_is_in_both_files_and_can_be_undone(
    patient: Patient, doctor: User, admin: User
) -> None:
    twin = create_patient(user=doctor, family_name="Hadad")
    both = file_all(patient, slice(0, 3), slices=5)
    file_all(twin, slice(2, 5), slices=5)
    file_all(twin, slices=2, name="other")  # in the same study
    file_all(twin, slices=2, study="2")
    before = contents(patient), contents(twin)
    made = merge(user=admin, kept_id=patient.pk, absorbed_id=twin.pk, reason="One person.")
    together = contents(patient)
    assert {uid: len(found) for uid, found in together.items()} == {
        both.uid: 5,
        **{uid: 2 for uid in before[1] if uid != both.uid},
    }
    both.refresh_from_db()
    settled = settle(both)
    assert (settled.facts["slices"], settled.problems) == (5, [])
    undo(user=admin, merge_id=made.pk)
    assert (contents(patient), contents(twin)) == before


def test_erasing_takes_rows_and_files(
    patient: Patient, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    file_all(patient)
    with django_capture_on_commit_callbacks(execute=True):
        erase(patient_id=patient.pk, user=admin, reason="They asked for it.")
    assert not Study.objects.exists()
    assert not default_storage.exists(f"patients/{patient.pk}")


def test_a_file_into_which_something_came_is_not_kept_long_enough(
    patient: Patient, settings: Any
) -> None:
    settings.RETENTION_YEARS = 10
    long_ago = timezone.now() - timedelta(days=365 * 11)
    Patient.objects.update(updated_at=long_ago)
    file_all(patient)
    assert not kept_long_enough().exists()
    Instance.objects.update(created_at=long_ago)
    assert kept_long_enough().exists()


def test_an_archive_of_the_file_has_the_originals(patient: Patient, doctor: User) -> None:
    series = file_all(patient, slices=2)
    archive = archives.request_archive(user=doctor, patient=patient)
    archives.build(archive.pk)
    archive.refresh_from_db()
    packed = ZipFile(BytesIO(archive.file.read()))
    [study] = json.loads(packed.read("file.json"))["studies"]
    assert study["series"][0]["id"] == str(series.pk)
    originals = [packed.read(instance["stored_as"]) for instance in study["instances"]]
    assert sorted(originals) == sorted(as_bytes(one) for one in make_series(slices=2))


def test_files_of_instances_are_no_orphans(patient: Patient, monkeypatch: Any) -> None:
    series = file_all(patient, slices=2)
    monkeypatch.setattr(media, "is_old", lambda name: True)
    assert media.check().orphans == []
    lost = series.instances.all()[0]
    default_storage.delete(str(lost.file.name))
    assert media.check().missing == [("scans.Instance", str(lost.pk), lost.file.name)]


@pytest.mark.parametrize("model", ["study", "series", "instance"])
def test_the_admin_site_shows_them_and_changes_nothing(
    admin_site: Client, patient: Patient, model: str
) -> None:
    instance = file_all(patient).instances.all()[0]
    rows: dict[str, Any] = {"series": instance.series, "instance": instance}
    row = rows.get(model, instance.series.study)
    assert admin_site.get(reverse(f"admin:scans_{model}_changelist")).status_code == 200
    shown = admin_site.get(reverse(f"admin:scans_{model}_change", args=[row.pk]))
    assert row.uid in shown.content.decode()
    changed = admin_site.post(reverse(f"admin:scans_{model}_change", args=[row.pk]), {"uid": "1"})
    assert changed.status_code == 403


def test_removing_a_series_takes_its_files(
    patient: Patient, as_doctor: APIClient, django_capture_on_commit_callbacks: Any
) -> None:
    series = file_all(patient, slices=2)
    names = [str(one.file.name) for one in series.instances.all()]
    with django_capture_on_commit_callbacks(execute=True):
        series.delete()
    assert not any(default_storage.exists(name) for name in names)
