"""A report as a PDF."""

import json
import logging
import shutil
import threading
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db.models.fields.files import FieldFile
from PIL import Image
from rest_framework import status

from accounts.models import User
from backend.api.errors import ApiError
from patients.models import Patient
from reports.contents import FileContents, file_contents, scan_contents
from reports.document import Document, document
from reports.typeset import HERE, LONGEST_S, TEMPLATE, TypesetError, typeset
from reports.words import Language
from scans.models import Scan

logger = logging.getLogger(__name__)

DEFAULT_LOGO = HERE / "logo.svg"
MOST_PIXELS = 900
"""Of a picture's longer side: 300 dpi of the width that it has on the page."""
JPEG_QUALITY = 90

# Each takes some hundred megabytes for a moment: not more at a time than a process can bear.
_turns = threading.BoundedSemaphore(2)


class Unavailable(ApiError):
    """Not now, through no fault of the caller's."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


def scan_report(user: User, scan: Scan, *, language: Language, made_at: datetime) -> bytes:
    """Return the report on one scan that the user may see.

    Raises:
        Unavailable: `report_failed`.
    """
    contents = scan_contents(user, scan)
    return pdf(contents, title="scan_title", language=language, made_at=made_at)


def file_report(user: User, patient: Patient, *, language: Language, made_at: datetime) -> bytes:
    """Return the report on the whole file of a patient whom the user may see.

    Raises:
        Unavailable: `report_failed`.
    """
    contents = file_contents(user, patient)
    return pdf(contents, title="file_title", language=language, made_at=made_at)


def pdf(contents: FileContents, *, title: str, language: Language, made_at: datetime) -> bytes:
    """Return the pages: the same contents, language and time give the same bytes.

    Raises:
        Unavailable: `report_failed`.
    """
    pages = document(contents, title=title, language=language, made_at=made_at)
    if not _turns.acquire(timeout=LONGEST_S):
        raise failed()
    try:
        with TemporaryDirectory(prefix="falx-report-") as folder:
            lay_out(pages, Path(folder))
            return typeset(Path(folder), made_at)
    except (TypesetError, OSError) as error:
        logger.exception("Report on patient %s", contents.patient.pk)
        raise failed() from error
    finally:
        _turns.release()


def failed() -> Unavailable:
    return Unavailable("report_failed", "The report could not be made. Try again later.")


def lay_out(pages: Document, folder: Path) -> None:
    """Put all that the template needs into one folder."""
    logo = Path(settings.HOSPITAL_LOGO or DEFAULT_LOGO)
    data = pages.data
    data["letterhead"]["logo"] = f"logo{logo.suffix.lower()}"
    shutil.copyfile(logo, folder / data["letterhead"]["logo"])
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
    for name, stored in pages.pictures.items():
        try:
            (folder / name).write_bytes(jpeg(stored))
        except FileNotFoundError:  # lost in storage: the report says all that there still is
            logger.exception("Report without the picture %s", stored.name)
    for entry in data["scans"]:
        entry["pictures"] = [
            shown for shown in entry["pictures"] if (folder / shown["file"]).exists()
        ]
    (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def jpeg(stored: FieldFile) -> bytes:
    """A stored picture, no larger than a page needs it: a file of many scans stays small."""
    out = BytesIO()
    with stored.open("rb") as opened, Image.open(opened) as picture:
        picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
        # 4:4:4: thin coloured outlines would wash out otherwise.
        picture.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()
