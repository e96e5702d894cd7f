"""Reviewed readings as training data: pictures and masks, without whose they are or when taken."""

import csv
import hashlib
import logging
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.utils.crypto import salted_hmac

from audit.services import record
from inference.models import Analysis, Review
from inference.reviews.drawings import stored_mask
from inference.runs import png
from scans.decoding import DecodeError, decode

logger = logging.getLogger(__name__)

FOLDS = 5
PSEUDONYM_LENGTH = 16


@dataclass(frozen=True)
class Row:
    """A row of `index.csv`, as training reads it: `mask` is empty where there is no tumour."""

    image: str
    mask: str
    label: str
    patient: str
    fold: int


@dataclass(frozen=True)
class Exported:
    readings: int
    patients: int
    unreadable: int


def export_training_data(folder: Path) -> Exported:
    """Write what doctors signed or corrected to an empty folder, one reading for each slice.

    Pictures are decoded and written anew, so that no header of the original is in them. Names and
    the order of the rows are random. Patients are keyed hashes of their ids: the same in every
    export of this installation, and of use to nobody without its secret key.

    Raises:
        FileExistsError: the folder has something in it.
        OSError: it cannot be written, or the stored files cannot be read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    rows: list[Row] = []
    patients: Counter[UUID] = Counter()
    unreadable = 0
    for review in answers():
        patient_id = review.analysis.scan.patient_id
        try:
            rows.append(write(review, folder, pseudonym(patient_id)))
        except DecodeError as broken:
            logger.warning("Scan %s is left out: %s", review.analysis.scan_id, broken)
            unreadable += 1
            continue
        patients[patient_id] += 1
    # Written down before the set can be used: without its index it is a heap of pictures.
    with transaction.atomic():
        for patient_id, count in patients.items():
            details = {"readings": count}
            record(user=None, action="training.export", patient_id=patient_id, details=details)
    secrets.SystemRandom().shuffle(rows)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    return Exported(len(rows), len(patients), unreadable)


def answers() -> Iterator[Review]:
    """The doctors' answers, the newest for each slice that was read several times."""
    found = (
        Review.objects.filter(is_current=True, decision__in=Review.ANSWERS)
        .select_related("analysis__scan")
        .defer("polygons")
        .order_by("analysis__scan_id", "-created_at", "-id")
    )
    last = None
    for review in found.iterator(chunk_size=500):
        if review.analysis.scan_id != last:
            last = review.analysis.scan_id
            yield review


def write(review: Review, folder: Path, patient: str) -> Row:
    """Write one reading's picture and mask.

    Raises:
        DecodeError: the original cannot be read any more.
    """
    name = f"{uuid4().hex}.png"
    with review.analysis.scan.original.open("rb") as original:
        pixels = decode(original.read()).pixels
    (folder / "images" / name).write_bytes(png(pixels))
    mask = mask_of(review)
    if mask is not None:
        (folder / "masks" / name).write_bytes(png(mask))
    return Row(
        image=f"images/{name}",
        mask=f"masks/{name}" if mask is not None else "",
        label=review.label,
        patient=patient,
        fold=fold_of(patient),
    )


def mask_of(review: Review) -> np.ndarray | None:
    """Return the outline that counts, bool (H, W); None where there is none."""
    drawn_by: dict[str, Review | Analysis] = {
        Review.Outline.MODEL: review.analysis,
        Review.Outline.DOCTOR: review,
    }
    source = drawn_by.get(review.outline)
    return stored_mask(source.mask) if source else None


def pseudonym(patient_id: UUID) -> str:
    """Return what stands for a patient: the same each time, and not to be turned back."""
    keyed = salted_hmac("inference.reviews.export", str(patient_id), algorithm="sha256")
    return keyed.hexdigest()[:PSEUDONYM_LENGTH]


def fold_of(patient: str) -> int:
    """All slices of a patient lie in one fold, in this export and in the next."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % FOLDS
