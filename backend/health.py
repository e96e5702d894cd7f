"""Liveness (this process answers) and readiness (what it needs answers too)."""

import logging
from collections.abc import Callable
from uuid import uuid4

from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

logger = logging.getLogger(__name__)


def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part works, 503 and which one when not. Says nothing more to strangers."""
    checks = {"database": database, "broker": broker, "storage": storage}
    results = {name: "ok" if works(name, check) else "failed" for name, check in checks.items()}
    healthy = set(results.values()) == {"ok"}
    return JsonResponse(
        {"status": "ok" if healthy else "failed", "checks": results},
        status=200 if healthy else 503,
    )


def works(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:  # whatever it is, this part does not work
        logger.exception("Not ready: %s", name)
        return False
    return True


def database() -> None:
    """The database answers and has every migration of this code."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("Migrations are missing.")


def broker() -> None:
    with current_app.connection_for_write() as sender:
        sender.ensure_connection(max_retries=1, interval_start=0, timeout=2)


def storage() -> None:
    """What is written can be read."""
    name = default_storage.save(f"health/{uuid4()}", ContentFile(b"ok"))
    try:
        with default_storage.open(name) as written:
            if written.read() != b"ok":
                raise RuntimeError("Storage gave back something else.")
    finally:
        default_storage.delete(name)
