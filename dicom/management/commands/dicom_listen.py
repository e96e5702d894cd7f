"""`manage.py dicom_listen`: take in what known systems send by DICOM, until SIGTERM."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from dicom.dimse.listener import Listener
from dicom.dimse.processes import run

DEFAULT_PORT = 11112  # IANA's for DICOM without privileges


class Command(BaseCommand):
    help = "Listen for DICOM associations (storage and verification)."
    requires_system_checks: list[str] = []  # those are about the web

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.DICOM_HOST)
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT or DEFAULT_PORT)
        parser.add_argument("--processes", type=int, default=settings.DICOM_PROCESSES)

    def handle(self, *args: Any, host: str, port: int, processes: int, **options: Any) -> None:
        listener = Listener(host, port)
        self.stdout.write(f"{settings.DICOM_AE_TITLE} listens on {host or '*'}:{listener.port}")
        self.stdout.flush()
        connections.close_all()  # each process has its own
        run(processes, listener.serve, listener.stop)
