from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.api.errors import Conflict
from reports.erasure import erase, is_held, kept_long_enough


class Command(BaseCommand):
    help = "List the files in which nothing was written for RETENTION_YEARS; --apply erases them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="Erase them, for good.")

    def handle(self, *args: Any, apply: bool, **options: Any) -> None:
        if not settings.RETENTION_YEARS:
            raise CommandError("RETENTION_YEARS is not set: nothing is erased for its age.")
        for patient in kept_long_enough().iterator():
            line = f"{patient.pk}  last written {patient.updated_at:%Y-%m-%d}"
            if is_held(patient):
                self.stdout.write(f"{line}  kept: legal hold")
                continue
            if apply:
                reason = f"Nothing was written for {settings.RETENTION_YEARS} years."
                try:
                    erase(patient_id=patient.pk, user=None, reason=reason)
                except Conflict as held:  # placed this very moment
                    self.stdout.write(f"{line}  kept: {held.message}")
                    continue
            self.stdout.write(f"{line}  {'erased' if apply else 'would be erased'}")
