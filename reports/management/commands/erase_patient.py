from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.api.errors import Conflict
from patients.models import Patient
from reports.erasure import erase


class Command(BaseCommand):
    help = "Erase everything of a patient, for good. The audit keeps who did what, and the reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient", type=UUID, help="The patient's id.")
        parser.add_argument("--reason", required=True, help="Why; it stays in the audit.")

    def handle(self, *args: Any, patient: UUID, reason: str, **options: Any) -> None:
        if not reason.strip():
            raise CommandError("Say why.")
        try:
            rows = erase(patient_id=patient, user=None, reason=reason.strip())
        except Patient.DoesNotExist as missing:
            raise CommandError(f"There is no patient {patient}.") from missing
        except Conflict as held:
            raise CommandError(held.message) from held
        for model, count in sorted(rows.items()):
            self.stdout.write(f"{count:6} {model}")
