from typing import Any

from django.apps import AppConfig, apps
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate


class TumorsConfig(AppConfig):
    name = "tumors"
    verbose_name = "Tumour pages"

    def ready(self) -> None:
        post_migrate.connect(_load_pages, sender=self, dispatch_uid="tumors.load_pages")


def _load_pages(using: str, apps: Apps = apps, **_: Any) -> None:
    from tumors.services import load_pages

    if using != DEFAULT_DB_ALIAS or not _is_current(apps):
        return
    load_pages()


def _is_current(migrated: Apps) -> bool:
    """False while the tables are of an older migration (or gone) and today's code does not fit."""
    from tumors.models import Source, TumorPage

    try:
        return all(
            {field.column for field in migrated.get_model("tumors", model.__name__)._meta.fields}
            == {field.column for field in model._meta.fields}
            for model in (TumorPage, Source)
        )
    except LookupError:
        return False
