"""A patient's readings in the order in which the scans were taken, and what may be compared.

Only millimetres are compared. Pixels never: two slices of the same size in pixels may show fields
of view of any size, and nothing in a picture says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from enum import StrEnum
from typing import Any

from accounts.models import User
from inference.models import Analysis, Label, Review
from inference.progress.rano import Assessment, Size, assess
from inference.reviews.selectors import current_review
from inference.selectors import scans_of
from patients.models import Patient
from scans.models import Scan


class Obstacle(StrEnum):
    """Why a point is compared with no other."""

    NO_DATE = "no_date"
    NO_SPACING = "no_spacing"
    NOT_OUTLINED = "not_outlined"
    CONTRADICTORY = "contradictory"
    BEFORE_BASELINE = "before_baseline"


@dataclass(frozen=True)
class Answer:
    """What is said of one scan: by a doctor where one has, else by the model."""

    scan: Scan
    analysis: Analysis
    review: Review | None

    @property
    def label(self) -> str:
        return self.review.label if self.review else self.analysis.label

    @property
    def measurements(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (self.review or self.analysis).measurements
        return found

    @property
    def status(self) -> str:
        return self.review.decision if self.review else "preliminary"


@dataclass(frozen=True)
class Point:
    """One date: the largest slice counts.

    Exactly one of `size` and `obstacle` is None; `assessment` comes with `size`.
    """

    on: date
    dated: bool
    answer: Answer
    scans: int
    size: Size | None
    obstacle: Obstacle | None
    assessment: Assessment | None = None


@dataclass(frozen=True)
class Progress:
    points: Sequence[Point]

    @property
    def compared(self) -> list[Point]:
        return [point for point in self.points if point.size is not None]


def progress_of(user: User, patient: Patient, *, baseline: date | None = None) -> Progress:
    """Return the course of a patient whom the user may see.

    Args:
        baseline: From which date on scans are compared (say, the first after radiotherapy); what
            is earlier is shown only. Without it the first that can be compared is the baseline.
    """
    answers = filter(None, map(answer_of, scans_of(user, patient)))
    points = sorted(
        (point_of(group) for group in by_date(answers)),
        key=lambda point: (point.on, point.answer.scan.created_at),
    )
    if baseline is not None:
        points = [
            replace(point, size=None, obstacle=Obstacle.BEFORE_BASELINE)
            if point.size is not None and point.on < baseline
            else point
            for point in points
        ]
    judged = iter(assess([point.size for point in points if point.size is not None]))
    return Progress(
        [replace(p, assessment=next(judged)) if p.size is not None else p for p in points]
    )


def answer_of(scan: Scan) -> Answer | None:
    """The newest answer of a doctor, else the newest of a model that no doctor rejected."""
    done = [a for a in scan.analyses.all() if a.status == Analysis.Status.DONE]
    reviews = {analysis.id: current_review(analysis) for analysis in done}
    for analysis in done:
        review = reviews[analysis.id]
        if review is not None and review.decision in Review.ANSWERS:
            return Answer(scan, analysis, review)
    unseen = (analysis for analysis in done if reviews[analysis.id] is None)
    return next((Answer(scan, analysis, None) for analysis in unseen), None)


def by_date(answers: Iterable[Answer]) -> list[list[Answer]]:
    """Slices that were taken on one day belong together; of undated ones nobody knows that."""
    groups: defaultdict[object, list[Answer]] = defaultdict(list)
    for answer in answers:
        taken = answer.scan.acquired_at
        groups[taken.astimezone(UTC).date() if taken else answer.scan.id].append(answer)
    return list(groups.values())


def point_of(answers: Sequence[Answer]) -> Point:
    sizes = [(answer, size_of(answer)) for answer in answers]
    measured = [
        (answer, size) for answer, size in sizes if isinstance(size, Size) and size.product_mm2 > 0
    ]
    obstacles = [(answer, why) for answer, why in sizes if isinstance(why, Obstacle)]
    answer: Answer
    found: Size | Obstacle
    if measured:
        answer, found = max(measured, key=lambda pair: pair[1].product_mm2)
    elif obstacles:
        # One slice is clear, another shows what cannot be measured: this day is not clear.
        answer, found = obstacles[0]
    else:
        answer, found = sizes[0]
    dated = answer.scan.acquired_at is not None
    if not dated:
        found = Obstacle.NO_DATE
    return Point(
        on=answer.scan.happened_at.astimezone(UTC).date(),
        dated=dated,
        answer=answer,
        scans=len(answers),
        size=found if isinstance(found, Size) else None,
        obstacle=found if isinstance(found, Obstacle) else None,
    )


def size_of(answer: Answer) -> Size | Obstacle:
    """Return the size on one slice in millimetres, or why there is none."""
    on = answer.scan.happened_at.astimezone(UTC).date()
    found = answer.measurements
    if answer.label == Label.NO_TUMOR:
        return Size(on, answer.label) if found is None else Obstacle.CONTRADICTORY
    if found is None:
        return Obstacle.NOT_OUTLINED
    if found["longest_diameter_mm"] is None:
        return Obstacle.NO_SPACING
    return Size(
        on=on,
        label=answer.label,
        area_mm2=found["area_mm2"],
        longest_mm=found["longest_diameter_mm"],
        across_mm=found["perpendicular_diameter_mm"],
    )
