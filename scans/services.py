"""Everything that changes scans."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from accounts.models import User
from backend.api.errors import ApiError, Conflict, TooLarge
from backend.api.text import display_name, printable
from patients import changes
from patients.models import Change, Patient
from scans.decoding import DecodedSlice, DecodeError, DicomInfo, decode
from scans.models import Scan, Series, Study, new_uid
from scans.previews import preview_png


@dataclass(frozen=True)
class Upload:
    """A file that is a slice we can read. Nothing of it is stored yet."""

    name: str
    data: bytes
    sha256: str
    decoded: DecodedSlice
    preview: bytes


def check_upload(file: UploadedFile) -> Upload:
    """Decode an uploaded file. Takes seconds for a large one: call it outside a transaction.

    Raises:
        TooLarge: `file_too_large`.
        ApiError: with the decoder's code when the file is not a slice that we can read.
    """
    if file.size is not None and file.size > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_MB
        raise TooLarge("file_too_large", f"The file is larger than {limit} MB.", field="file")
    data = file.read()
    try:
        decoded = decode(data)
    except DecodeError as broken:
        raise ApiError(broken.code, broken.message, field="file") from broken
    return Upload(
        name=display_name(file.name or ""),
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        decoded=decoded,
        preview=preview_png(decoded.pixels),
    )


def store_scan(
    *,
    user: User,
    patient: Patient,
    upload: Upload,
    acquired_at: datetime | None = None,
    note: str = "",
) -> Scan:
    """Keep a checked slice.

    Raises:
        ApiError: `date_in_future`, `before_birth`.
        Conflict: `duplicate_scan`, with the id of the scan that is already there.
    """
    decoded = upload.decoded
    if acquired_at is not None:
        check_date(acquired_at, patient)
    elif decoded.dicom is not None:
        acquired_at = possible(decoded.dicom.acquired_at, patient)

    refuse_duplicate(patient, upload.sha256)
    scan = Scan(
        patient=patient,
        original_name=upload.name,
        format=decoded.format,
        size_bytes=len(upload.data),
        sha256=upload.sha256,
        width_px=decoded.pixels.shape[1],
        height_px=decoded.pixels.shape[0],
        acquired_at=acquired_at,
        note=note,
        uploaded_by=user,
    )
    if decoded.spacing_mm is not None:
        scan.row_spacing_mm, scan.column_spacing_mm = decoded.spacing_mm
    try:
        with transaction.atomic(), removed_on_failure(scan.original, scan.preview):
            scan.series = series_of(patient, decoded.dicom)
            if decoded.dicom is not None:
                scan.instance_uid = printable(decoded.dicom.instance_uid, 64) or new_uid()
                scan.instance_number = as_instance_number(decoded.dicom.instance_number)
            scan.original.save("original", ContentFile(upload.data), save=False)
            scan.preview.save("preview", ContentFile(upload.preview), save=False)
            scan.save(force_insert=True)
            changes.publish(
                patient_id=patient.id,
                kind=Change.Kind.SCAN,
                object_id=scan.id,
                action=Change.Action.CREATED,
            )
    except IntegrityError:
        refuse_duplicate(patient, upload.sha256)  # the same file came twice at once
        raise
    return scan


def check_date(acquired_at: datetime, patient: Patient) -> None:
    """Let only a date pass at which the patient can have been scanned.

    Raises:
        ApiError: `date_in_future`, `before_birth`.
    """
    if acquired_at > timezone.now():
        raise ApiError("date_in_future", "The scan is dated in the future.", field="acquired_at")
    if patient.birth_date is None:
        return
    # In the far east a birthday begins 14 hours before it does in UTC.
    born = datetime.combine(patient.birth_date, time.min, UTC) - timedelta(hours=14)
    if acquired_at < born:
        message = "The scan is dated before the patient's birth."
        raise ApiError("before_birth", message, field="acquired_at")


def possible(moment: datetime | None, patient: Patient) -> datetime | None:
    """Return a header's date unless it is made up, as those of de-identified files often are."""
    try:
        if moment is not None:
            check_date(moment, patient)
    except ApiError:
        return None
    return moment


def refuse_duplicate(patient: Patient, sha256: str) -> None:
    first = Scan.objects.filter(patient=patient, sha256=sha256).first()
    if first is not None:
        raise Conflict(
            "duplicate_scan",
            "This patient's file already has this very scan.",
            field="file",
            scan=str(first.id),
        )


def series_of(patient: Patient, header: DicomInfo | None) -> Series:
    """Find or open the series that the slice names; a picture without one gets its own."""
    study, _ = Study.objects.get_or_create(
        patient=patient,
        uid=(header and printable(header.study_uid, 64)) or new_uid(),
        defaults={"description": (header and printable(header.study_description, 64)) or ""},
    )
    series, _ = Series.objects.get_or_create(
        study=study,
        uid=(header and printable(header.series_uid, 64)) or new_uid(),
        defaults={
            "modality": (header and printable(header.modality, 16)) or "MR",
            "description": (header and printable(header.series_description, 64)) or "",
        },
    )
    return series


def as_instance_number(number: int | None) -> int | None:
    """A DICOM integer string fits 32 bits (PS3.5, VR IS); what does not was never a number."""
    return number if number is not None and -(2**31) <= number < 2**31 else None


@contextmanager
def removed_on_failure(*files: FieldFile) -> Iterator[None]:
    """Take written files away again when the transaction around them does not happen."""
    try:
        yield
    except BaseException:
        for stored in files:
            if stored:
                stored.delete(save=False)
        raise
