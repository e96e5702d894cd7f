"""Readings of series that are done, as the worker leaves them, and what Falx makes of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from django.core.files.base import ContentFile
from PIL import Image
from pydicom import Dataset

from accounts.models import User
from dicom.models import Peer
from inference.models import SeriesAnalysis, SeriesReview
from patients.models import Patient
from scans.models import Instance
from scans.series.services import file_instance
from tests.series.make import as_bytes

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)
READ_AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SR = "1.2.840.10008.5.1.4.1.1.88.34"
SC = "1.2.840.10008.5.1.4.1.1.7"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"

MEASURED = {
    "volume_ml": 1.5,
    "tumor_slices": 3,
    "largest_slice": 2,
    "key_slice": 2,
    "area_px": 120,
    "longest_diameter_px": 17.2,
    "perpendicular_diameter_px": 6.1,
    "area_mm2": 95.2,
    "longest_diameter_mm": 18.25,
    "perpendicular_diameter_mm": 6.5,
}
PIXELS_ONLY = MEASURED | dict.fromkeys(
    ("volume_ml", "area_mm2", "longest_diameter_mm", "perpendicular_diameter_mm")
)


def outline(slices: int, rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """A shape without any symmetry, in slices 1 to 3."""
    masks = np.zeros((slices, rows, columns), bool)
    for index in range(1, 4):
        masks[index, 4 + index : 14, 6 : 18 + 2 * index] = True
        masks[index, 20:24, 3:5] = True
    return masks


def read_series(
    patient: Patient,
    sources: Sequence[Dataset | bytes],
    masks: npt.NDArray[np.bool_] | None,
    *,
    measurements: dict[str, Any] | None = MEASURED,
    label: str = "glioma",
    sender: Peer | None = None,
) -> SeriesAnalysis:
    """File a series and a reading of it that is done, as the worker leaves it."""
    filed = [
        file_instance(
            patient=patient,
            data=one if isinstance(one, bytes) else as_bytes(one),
            source=sender.name if sender else "",
            sender_id=sender.pk if sender else None,
        ).instance
        for one in sources
    ]
    places = [(instance.uid, frame + 1) for instance in filed for frame in range(instance.frames)]
    analysis = SeriesAnalysis(
        series=filed[0].series,
        status=SeriesAnalysis.Status.DONE,
        label=label,
        probabilities={label: 0.973},
        measurements=measurements if masks is not None else {"tumor_slices": 0},
        slices=[
            {"index": index, "instance": uid, "frame": frame}
            for index, (uid, frame) in enumerate(places)
        ],
        release="2026.11",
        finished_at=READ_AT,
    )
    if masks is not None:
        packed, picture = BytesIO(), BytesIO()
        np.savez_compressed(packed, masks=np.packbits(masks, axis=-1), shape=masks.shape)
        analysis.masks.save("masks.npz", ContentFile(packed.getvalue()), save=False)
        Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(picture, "PNG")
        for picture_file in (analysis.heatmap, analysis.overlay):
            picture_file.save("picture.png", ContentFile(picture.getvalue()), save=False)
    analysis.save()
    return analysis


def review(analysis: SeriesAnalysis, doctor: User, decision: str, label: str = "") -> SeriesReview:
    version = analysis.reviews.count() + 1
    return SeriesReview.objects.create(
        analysis=analysis,
        version=version,
        decision=decision,
        label=label,
        comment="Along the falx.",
        reviewer=doctor,
        created_at=READ_AT,
    )


def objects(instances: list[Instance]) -> dict[str, Dataset]:
    return {one.sop_class_uid: pydicom.dcmread(one.file.path) for one in instances}
