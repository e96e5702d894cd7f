"""From the database to what our objects are made of."""

from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.conf import settings
from PIL import Image
from pydicom import Dataset
from pydicom.uid import UID

from accounts.models import User
from dicom.objects.result import Mask, Result, Review, Slice, read_header
from inference.models import SeriesAnalysis, SeriesReview
from inference.series.masks import load
from reports.pdf import jpeg
from scans.models import Instance

_IMAGES = "Image Storage"
_REJECTED = SeriesReview.Decision.REJECTED
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("^=\\", " "))


def result_of(analysis: SeriesAnalysis, version: int) -> Result | None:
    """Return a reading as it was (0) or as of a review; None where its images are not DICOM's.

    Raises:
        SeriesReview.DoesNotExist: there is no review of this version.
        FileNotFoundError: a file is gone.
    """
    headers = _headers(analysis)
    if headers is None:
        return None
    review = analysis.reviews.select_related("reviewer").get(version=version) if version else None
    masks = load(analysis) if analysis.masks else None
    return Result(
        analysis_id=analysis.pk,
        version=version,
        slices=[
            _slice(s, headers, None if masks is None else masks[s["index"]])
            for s in analysis.slices
        ],
        label=analysis.label,
        probability=(analysis.probabilities or {}).get(analysis.label),
        possible_labels=analysis.possible_labels or [],
        measurements=analysis.measurements or {},
        release=analysis.release,
        read_at=(analysis.finished_at or analysis.created_at).astimezone(_zone()),
        review=_review(review, analysis) if review else None,
    )


def heatmap_of(analysis: SeriesAnalysis) -> npt.NDArray[np.uint8] | None:
    """Return uint8 RGB (rows, columns, 3), where the reading has one."""
    if not analysis.heatmap:
        return None
    with analysis.heatmap.open("rb") as stored, Image.open(BytesIO(stored.read())) as picture:
        return np.asarray(picture.convert("RGB"))


def overlay_of(analysis: SeriesAnalysis) -> bytes | None:
    """Return a JPEG of the slice that says most with the outline on it, where there is one."""
    return jpeg(analysis.overlay) if analysis.overlay else None


def _headers(analysis: SeriesAnalysis) -> dict[str, Dataset] | None:
    wanted = {str(s["instance"]) for s in analysis.slices}
    found = Instance.objects.filter(
        series=analysis.series_id, uid__in=wanted, format=Instance.Format.DICOM
    )
    headers = {}
    for instance in found:
        with instance.file.open("rb") as stored:
            headers[instance.uid] = read_header(stored)
    if not headers or not wanted <= headers.keys():
        return None
    # Of a class of a manufacturer's own nobody knows what belongs to it.
    classes = {UID(one.get("SOPClassUID") or "") for one in headers.values()}
    return headers if all(one.name.endswith(_IMAGES) for one in classes) else None


def _slice(said: dict[str, object], headers: dict[str, Dataset], mask: Mask | None) -> Slice:
    source = headers[str(said["instance"])]
    if mask is None:
        mask = np.zeros((int(source.Rows), int(source.Columns)), np.bool_)
    return Slice(source, int(str(said.get("frame") or 1)), mask)


def _review(review: SeriesReview, analysis: SeriesAnalysis) -> Review:
    rejected = review.decision == _REJECTED
    return Review(
        decision=review.decision,
        label="" if rejected else review.label or analysis.label,
        comment=review.comment,
        reviewer=_person_name(review.reviewer),
        organization=settings.HOSPITAL_NAME[:64],
        at=review.created_at.astimezone(_zone()),
    )


def _person_name(user: User | None) -> str:
    """A person name as DICOM spells it: family^given (PS3.5, section 6.2)."""
    if user is None:
        return "Unknown"
    family, given = (n.translate(_NOT_IN_NAMES).strip() for n in (user.last_name, user.first_name))
    return f"{family}^{given}"[:64].rstrip("^") or "Unknown"


def _zone() -> ZoneInfo:
    """Objects say when in the hospital's own time, as those of its scanners do."""
    return ZoneInfo(settings.HOSPITAL_TIME_ZONE)
