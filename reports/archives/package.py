"""What goes into an archive, under which names. Memory does not grow with the file's size."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.core.files.base import File
from django.core.files.storage import default_storage

from accounts.models import User
from patients.models import Patient
from reports.archives.file_json import (
    attachment_name,
    instance_name,
    pieces,
    series_reading_folder,
    study_instances,
    study_readings,
)
from reports.contents import FileContents, file_contents
from reports.pdf import pdf
from reports.words import Language

README = """The file of one patient, exported from Falx.

file.json     everything that is in the file, and who has looked at it; pictures are named by
              their place in this archive
reports/      the same for people, in English and Arabic
attachments/  files attached to entries of the history
scans/        for each scan its original, byte for byte as it was uploaded, a small picture,
              and what was read from it and drawn on it
studies/      the objects of whole series, byte for byte as they came, by series, and what was
              read from it: pictures, and the outlines of all slices (NumPy, bits packed by rows)
SHA256SUMS    of every file here; `sha256sum -c SHA256SUMS` checks them
MISSING.txt   only if files could not be read when this was made: which

Readings are decision support for clinicians, not a diagnosis. What no doctor has signed is
preliminary. This archive holds a patient's data: keep it encrypted, and no longer than needed.
"""
EXTENSIONS = {"png": "png", "jpeg": "jpg", "dicom": "dcm"}
CHUNK = 1024 * 1024


def write_package(out: BinaryIO, *, user: User, patient: Patient, made_at: datetime) -> None:
    """Write the archive of a file as `user` may see it."""
    contents = file_contents(user, patient)
    with ZipFile(out, "w") as archive:
        package = Package(archive, made_at)
        package.add_text("README.txt", [README])
        package.add_text("file.json", pieces(contents, made_at))
        for language in Language:
            pages = pdf(contents, title="file_title", language=language, made_at=made_at)
            package.add_bytes(f"reports/{language}.pdf", pages)
        for name, stored in stored_files(contents):
            package.add_stored(name, stored)
        if package.missing:
            package.add_text("MISSING.txt", (f"{name}\n" for name in package.missing))
        package.add_text("SHA256SUMS", (f"{sha}  {name}\n" for name, sha in package.sums.items()))


def stored_files(contents: FileContents) -> Iterable[tuple[str, str]]:
    """Each file's name in the archive, made of ids only, and its name in the storage."""
    for entry in contents.history:
        if attached := getattr(entry, "attachment", None):
            yield attachment_name(attached), str(attached.file.name)
    for scan in contents.scans:
        folder = f"scans/{scan.pk}"
        yield f"{folder}/original.{EXTENSIONS[scan.format]}", str(scan.original.name)
        yield f"{folder}/preview.png", str(scan.preview.name)
        for analysis in scan.analyses.all():
            for kind, stored in analysis.pictures.items():
                if stored:
                    yield f"{folder}/analyses/{analysis.pk}/{kind}.png", stored.name
            for review in analysis.reviews.all():
                for kind in ("mask", "overlay"):
                    if stored := getattr(review, kind):
                        place = f"{folder}/analyses/{analysis.pk}/review-{review.version}"
                        yield f"{place}/{kind}.png", stored.name
    yield from study_files(contents)


def study_files(contents: FileContents) -> Iterable[tuple[str, str]]:
    for study in contents.studies:
        for instance in study_instances(study):
            yield instance_name(instance), str(instance.file.name)
        for analysis in study_readings(study):
            for stored in filter(None, analysis.files.values()):
                place = series_reading_folder(analysis)
                yield f"{place}/{str(stored.name).rpartition('/')[2]}", str(stored.name)


class Package:
    """A ZIP that remembers the sum of each file in it."""

    def __init__(self, archive: ZipFile, made_at: datetime) -> None:
        self.archive, self.made_at = archive, made_at
        self.sums: dict[str, str] = {}
        self.missing: list[str] = []

    def add_text(self, name: str, texts: Iterable[str]) -> None:
        self._write(name, (text.encode() for text in texts), ZIP_DEFLATED)

    def add_bytes(self, name: str, data: bytes) -> None:
        self._write(name, [data], ZIP_STORED)

    def add_stored(self, name: str, stored: str) -> None:
        """Copy a file from the storage; one that is lost there is named as missing."""
        try:
            opened: File[bytes] = default_storage.open(stored, "rb")
        except FileNotFoundError:
            self.missing.append(name)
            return
        with opened:
            self._write(name, opened.chunks(CHUNK), ZIP_STORED)

    def _write(self, name: str, chunks: Iterable[bytes], compression: int) -> None:
        info = ZipInfo(name, self.made_at.timetuple()[:6])
        info.compress_type = compression
        info.external_attr = 0o600 << 16
        digest = hashlib.sha256()
        target: IO[bytes]
        with self.archive.open(info, "w", force_zip64=True) as target:
            for chunk in chunks:
                digest.update(chunk)
                target.write(chunk)
        self.sums[name] = digest.hexdigest()
