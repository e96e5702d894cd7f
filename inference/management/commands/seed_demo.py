"""What `make run` puts into an empty installation: an account for each role, a patient, slices."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from inference.services import upload_and_analyse
from patients.services import create_patient

SAMPLES = settings.BASE_DIR / "samples"
SLICE_SUFFIXES = {".png", ".jpg", ".jpeg", ".dcm"}
PEOPLE = {
    User.Role.DOCTOR: ("Rana", "Haddad"),
    User.Role.STUDENT: ("Milo", "Brandt"),
    User.Role.ADMIN: ("Ada", "Okafor"),
}


class Command(BaseCommand):
    help = "Fill an empty embedded installation with demo accounts and a demo patient."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError(
                "Demo accounts belong into the embedded form only (no DATABASE_URL)."
            )
        if User.objects.exists():
            self.stdout.write(
                "  Accounts are kept from the first start. In .venv/bin:\n"
                "    python manage.py changepassword EMAIL   gives somebody a new password\n"
                "    python manage.py createsuperuser        makes another admin"
            )
            return
        passwords = seed()
        self.stdout.write("  Accounts, made now; the passwords are shown this once and not stored:")
        for email, password in passwords.items():
            self.stdout.write(f"    {email:<24}{password}")


@transaction.atomic
def seed() -> dict[str, str]:
    """Make the accounts and the doctor's patient; return each account's fresh password."""
    passwords = {}
    for role, (given_name, family_name) in PEOPLE.items():
        email, password = f"{role}@falx.example", secrets.token_urlsafe(12)
        user = User.objects.create_user(
            email, password, role=role, first_name=given_name, last_name=family_name
        )
        passwords[email] = password
        if role == User.Role.DOCTOR:
            seed_patient(user)
    return passwords


def seed_patient(doctor: User) -> None:
    """Open a file with a few real slices, the way an upload does: the worker will read them."""
    patient = create_patient(
        user=doctor,
        family_name="Demo",
        given_name="Patient",
        identifiers=[{"kind": "medical_record", "issuer": "Demo hospital", "value": "DEMO-1"}],
    )
    for path in slices():
        file = SimpleUploadedFile(path.name, path.read_bytes())
        upload_and_analyse(user=doctor, patient=patient, file=file, note=f"samples/{path.name}")


def slices() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if path.suffix in SLICE_SUFFIXES)
