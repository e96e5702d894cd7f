"""Putting a file into the history."""

from datetime import datetime

from django.core.files.base import ContentFile
from django.db import transaction

from accounts.models import User
from backend.api.errors import Conflict
from patients.history.files import CheckedFile
from patients.history.services import write
from patients.models import Attachment, HistoryEntry, Patient
from patients.models.history import Precision


def attach(
    *,
    patient: Patient,
    author: User,
    file: CheckedFile,
    occurred_at: datetime,
    precision: Precision = Precision.TIME,
    text: str = "",
) -> HistoryEntry:
    """Keep a checked file, byte for byte, with the entry that stands for it: both or neither.

    Args:
        text: What the file is; without, it is called by its name.

    Raises:
        Conflict: `duplicate_attachment`, with the id of the entry that has this very file.
    """
    data = {
        "text": text,
        "original_name": file.name,
        "content_type": Attachment.CONTENT_TYPES[file.format],
        "size_bytes": len(file.data),
        "sha256": file.sha256,
        **file.facts,
    }
    attachment = Attachment(format=file.format, sha256=file.sha256)
    try:
        with transaction.atomic():
            # Held until it is done: the same file may come twice at once.
            Patient.objects.select_for_update().get(pk=patient.pk)
            refuse_duplicate(patient, file)
            attachment.entry = write(
                patient=patient,
                kind=HistoryEntry.Kind.ATTACHMENT,
                data={name: value for name, value in data.items() if value != ""},
                occurred_at=occurred_at,
                precision=precision,
                author=author,
            )
            attachment.file.save("original", ContentFile(file.data), save=False)
            attachment.save(force_insert=True)
    except BaseException:
        if attachment.file:
            attachment.file.delete(save=False)
        raise
    return attachment.entry


def refuse_duplicate(patient: Patient, file: CheckedFile) -> None:
    same = Attachment.objects.filter(
        sha256=file.sha256, entry__patient=patient, entry__status=HistoryEntry.Status.CURRENT
    ).first()
    if same is not None:
        raise Conflict(
            "duplicate_attachment",
            "This patient's file already has this very attachment.",
            field="file",
            entry=str(same.pk),
        )
