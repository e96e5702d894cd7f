"""Reviewed readings for training, without identities: see docs/operations.md."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.reviews.export import export_training_data


class Command(BaseCommand):
    help = "Write signed and corrected readings to an empty folder, as training reads them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = export_training_data(options["folder"])
        except OSError as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{done.readings} readings of {done.patients} patients.")
        if done.unreadable:
            self.stdout.write(f"{done.unreadable} left out: their originals cannot be read.")
        self.stdout.write(
            "Headers, names and dates are not in it. What is written into the pictures themselves "
            "is: look at them before they leave the house."
        )
