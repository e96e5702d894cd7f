"""Files that no row names, and rows whose file is gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import FileField
from django.utils import timezone

from scans.uploads.models import ResumableUpload
from scans.uploads.parts import SUFFIX

GRACE = timedelta(hours=1)
"""Younger files may belong to a transaction that is still under way."""


@dataclass(frozen=True)
class Findings:
    """orphans: names in the storage. missing: (model, id, name) of rows."""

    orphans: list[str]
    missing: list[tuple[str, str, str]]


def check() -> Findings:
    """Compare what is stored with what the database names."""
    stored = set(files())  # before the rows: what is written meanwhile is no orphan
    named = list(names())
    known = {name for _, _, name in named} | set(parts())
    return Findings(
        orphans=sorted(name for name in stored - known if is_old(name)),
        missing=sorted(
            row for row in named if row[2] not in stored and not default_storage.exists(row[2])
        ),
    )


def files(folder: str = "") -> Iterator[str]:
    """Yield the names of all stored files; hidden ones are not ours."""
    folders, found = default_storage.listdir(folder)
    for name in found:
        if not name.startswith("."):
            yield f"{folder}/{name}".lstrip("/")
    for inner in folders:
        yield from files(f"{folder}/{inner}".lstrip("/"))


def names() -> Iterator[tuple[str, str, str]]:
    """Yield every file that a row of any model names, as (model, id, name)."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                rows = model._base_manager.exclude(**{field.name: ""})
                for pk, name in rows.values_list("pk", field.name).iterator():
                    if name:
                        yield model._meta.label, str(pk), name


def parts() -> Iterator[str]:
    """Uploads under way: their bytes lie under the upload's id, not in a field."""
    for upload_id in ResumableUpload.objects.values_list("pk", flat=True).iterator():
        yield f"uploads/{upload_id}{SUFFIX}"


def is_old(name: str) -> bool:
    try:
        return default_storage.get_modified_time(name) < timezone.now() - GRACE
    except FileNotFoundError:  # gone meanwhile
        return False
