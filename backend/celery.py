"""The Celery application: `celery -A backend worker`, `celery -A backend beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

TRANSPORT_ALIASES["files"] = "backend.broker:Transport"

app = Celery("falx")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where somebody listens to this: the settings' holds."""
