"""Whether slices of a series show text, noted among its problems as soon as it is whole."""

from io import BytesIO
from typing import Any

import pydicom
from django.dispatch import receiver

from dicom.deid.burned_in import says_burned_in, shows_text
from scans.decoding import decode_frames
from scans.models import Instance, Series
from scans.series.signals import series_settled

PROBLEM = "burned_in_text"
_MESSAGE = "Its slices may have text in their pixels, a name for example."
_LOOKED_AT = 5  # slices of a series: what is burned in stands on them all
_LARGEST = 1 << 27  # bytes of a file that is read only to look for text


@receiver(series_settled, dispatch_uid="burned_in_text")
def note_text(sender: type[Series], series: Series, **_: object) -> None:
    """Add or remove the problem of a series, in the transaction that settles it."""
    others = [problem for problem in series.problems if problem.get("code") != PROBLEM]
    flagged = not series.ours and text_in(series)
    problems = others + ([{"code": PROBLEM, "message": _MESSAGE}] if flagged else [])
    if problems != series.problems:
        series.problems = problems
        series.save(update_fields=["problems", "updated_at"])


def text_in(series: Series) -> bool:
    """Whether some slices of a series, by their headers or their pixels, likely show text."""
    images = list(series.instances.filter(format=Instance.Format.DICOM, rows__isnull=False))
    return any(_shows_text(image, len(images)) for image in evenly(images, _LOOKED_AT))


def evenly(items: list[Any], most: int) -> list[Any]:
    """Return at most so many items, evenly taken."""
    step = max(1, -(-len(items) // most))
    return items[step // 2 :: step] or items[:1]


def _shows_text(instance: Instance, images: int) -> bool:
    if instance.size_bytes > _LARGEST:
        return False
    try:
        with instance.file.open("rb") as stored:
            data = stored.read()
        if says_burned_in(pydicom.dcmread(BytesIO(data), stop_before_pixels=True)):
            return True
        count = max(1, _LOOKED_AT // images)
        frames = evenly(list(range(instance.frames)), count)
        return any(shows_text(frame.pixels) for frame in decode_frames(data, frames))
    except Exception:  # whatever is wrong with it: nobody can look at it either
        return False
