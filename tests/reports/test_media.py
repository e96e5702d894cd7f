"""Files that nobody names, and names that have no file."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from inference.models import Analysis
from patients.models import Patient
from scans.uploads.models import ResumableUpload
from scans.uploads.parts import path as part_of

pytestmark = pytest.mark.usefixtures("reading")


def run(**options: bool) -> str:
    out = StringIO()
    call_command("check_media", stdout=out, **options)
    return out.getvalue()


def put(path: Path, *, hours: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    then = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(path, (then, then))
    return path


def stray(*, hours: float) -> Path:
    return put(Path(settings.MEDIA_ROOT) / "patients" / "x" / "stray.png", hours=hours)


def test_finds_nothing_where_all_is_well() -> None:
    assert run() == ""


def test_finds_and_deletes_what_no_row_names(reading: Analysis) -> None:
    file = stray(hours=2)
    with pytest.raises(CommandError, match="1 orphans, 0 missing"):
        run()
    assert file.exists()
    assert "1 deleted" in run(delete=True)
    assert not file.exists()
    assert Path(reading.scan.original.path).exists()
    assert Event.objects.get(action="media.delete_orphans").details == {"files": 1}


def test_leaves_young_files_alone() -> None:
    file = stray(hours=0.5)
    assert run(delete=True) == ""
    assert file.exists()


def test_finds_rows_whose_file_is_gone(reading: Analysis) -> None:
    Path(reading.overlay.path).unlink()
    with pytest.raises(CommandError, match="0 orphans, 1 missing"):
        run(delete=True)


def test_knows_uploads_under_way(doctor: User, patient: Patient) -> None:
    upload = ResumableUpload.objects.create(user=doctor, patient=patient, length=9)
    put(part_of(upload.pk), hours=3)
    assert run() == ""
    upload_id = upload.pk
    upload.delete()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_media", stdout=out)
    assert out.getvalue() == f"orphan   uploads/{upload_id}.part\n"
