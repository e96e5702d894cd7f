from argparse import ArgumentTypeError
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit import services


def day(text: str) -> datetime:
    try:
        moment = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as wrong:
        raise ArgumentTypeError("not a day as YYYY-MM-DD") from wrong
    if moment > timezone.now():
        raise ArgumentTypeError("in the future")
    return moment


class Command(BaseCommand):
    help = (
        "Delete the audit's oldest events. What remains verifies from the checkpoint this leaves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", type=day, required=True, metavar="YYYY-MM-DD", help="The first day to keep."
        )

    def handle(self, *, before: datetime, **options: object) -> None:
        try:
            count = services.purge(before=before)
        except services.Broken as broken:
            raise CommandError(
                "The audit does not verify, nothing was purged: see verify_audit."
            ) from broken
        self.stdout.write(f"{count} events purged")
