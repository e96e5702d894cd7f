from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.services import record
from reports.media import check


class Command(BaseCommand):
    help = "Find stored files that no row names (older than an hour), and rows whose file is gone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="Delete files that no row names.")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        found = check()
        for name in found.orphans:
            self.stdout.write(f"orphan   {name}")
        for model, pk, name in found.missing:
            self.stdout.write(f"missing  {name}  ({model} {pk})")
        if delete and found.orphans:
            for name in found.orphans:
                default_storage.delete(name)
            record(user=None, action="media.delete_orphans", details={"files": len(found.orphans)})
            self.stdout.write(f"{len(found.orphans)} deleted")
        left = 0 if delete else len(found.orphans)
        if left or found.missing:
            raise CommandError(f"{left} orphans, {len(found.missing)} missing")
