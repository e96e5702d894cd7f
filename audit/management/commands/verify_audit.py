from argparse import ArgumentTypeError

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import selectors
from audit.chain import Anchor, verify

SHOWN = 20


def anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError as wrong:
        raise ArgumentTypeError("not SEQUENCE:HASH as this command prints it") from wrong


class Command(BaseCommand):
    help = (
        "Look whether the audit is as it was sealed: nothing changed, missing, swapped, put in, or "
        "cut off. Exits with 1 and the sequences where it is not. Prints an anchor: keep it "
        "outside this machine and give it to a later run, because only that proves that the end "
        "was not cut off and made anew by somebody who holds the key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", type=anchor, metavar="SEQUENCE:HASH", help="Printed by an earlier run."
        )

    def handle(self, *, anchor: Anchor | None, **options: object) -> None:
        report = verify(anchor)
        for problem in report.problems[:SHOWN]:
            self.stderr.write(problem)
        if found := len(report.problems):
            raise CommandError(f"The audit is not as it was sealed: {found} problems.")
        self.stdout.write(
            f"{report.checked} events verified; {selectors.unsealed()} not sealed yet"
        )
        self.stdout.write(f"anchor {report.end}")
