"""Write a study's images, de-identified, into a folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit.services import record
from backend.api.errors import ApiError
from dicom.deid.export import check_exportable, packed
from dicom.deid.profile import Profile
from scans.models import Study


class Command(BaseCommand):
    help = (
        "Write STUDY.zip with the images of a study, de-identified by the Basic Application Level "
        "Confidentiality Profile (DICOM PS3.15, annex E). Pixels stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="its id, or its study instance UID")
        parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
        parser.add_argument("--keep-dates", action="store_true")
        parser.add_argument("--keep-uids", action="store_true")
        parser.add_argument(
            "--allow-burned-in", action="store_true", help="also where slices may show text"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = _study(options["study"])
        profile = Profile(keep_dates=options["keep_dates"], keep_uids=options["keep_uids"])
        allow = options["allow_burned_in"]
        try:
            instances = check_exportable(study, allow_burned_in=allow)
        except ApiError as error:
            raise CommandError(f"{error.message} (--allow-burned-in)") from error
        record(
            user=None,
            action="study.deidentified",
            patient_id=study.patient_id,
            subject=("study", study.pk),
        )
        out = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"study-{study.pk}.zip"
        part = target.with_suffix(".part")
        with part.open("wb") as file:
            for piece in packed(study, instances, profile, allow_burned_in=allow):
                file.write(piece)
        part.rename(target)
        self.stdout.write(str(target))


def _study(named: str) -> Study:
    try:
        found = Study.objects.filter(pk=UUID(named))
    except ValueError:
        found = Study.objects.filter(uid=named)
    if found.count() != 1:
        raise CommandError(f"There is {'no' if not found else 'more than one'} study {named}.")
    return found.get()
