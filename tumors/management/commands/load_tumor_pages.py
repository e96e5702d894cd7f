from typing import Any

from django.core.management.base import BaseCommand

from tumors.services import load_pages


class Command(BaseCommand):
    help = "Load the shipped tumour pages; pages that an admin edited stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        for slug, outcome in load_pages().items():
            self.stdout.write(f"{slug}: {outcome}")
