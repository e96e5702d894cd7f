from django.core.management.base import BaseCommand

from audit import selectors, services


class Command(BaseCommand):
    help = "Seal what the audit has now, and print the anchor of its end to keep elsewhere."

    def handle(self, **options: object) -> None:
        services.seal()
        self.stdout.write(f"anchor {selectors.end()}")
