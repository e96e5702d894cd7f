"""`manage.py dicom_listen`: take in what known systems send by DICOM, until SIGTERM."""

import signal
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dicom.dimse.listener import Listener

DEFAULT_PORT = 11112  # IANA's for DICOM without privileges


class Command(BaseCommand):
    help = "Listen for DICOM associations (storage and verification)."
    requires_system_checks: list[str] = []  # those are about the web

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.DICOM_HOST)
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT or DEFAULT_PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        listener = Listener(host, port)
        serving = Thread(target=listener.serve)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: Thread(target=listener.stop).start())
        serving.start()
        self.stdout.write(f"{settings.DICOM_AE_TITLE} listens on {host or '*'}:{listener.port}")
        self.stdout.flush()
        serving.join()
