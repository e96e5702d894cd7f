"""The Celery application: `celery -A backend worker`, `celery -A backend beat`."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

TRANSPORT_ALIASES["files"] = "backend.broker:Transport"

app = Celery("falx")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
