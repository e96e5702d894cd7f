"""How often doctors agree with the models: over the reviews that count, of patients one may see."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncMonth

from accounts.models import User
from inference.models import Label, Review
from patients.access import patients_for

Decision = Review.Decision
COLUMNS = (
    "reviewed_in",
    "release",
    "model_label",
    "model_probability",
    "decision",
    "doctor_label",
    "outlined_by",
    "dice",
    "model_area_px",
    "doctor_area_px",
    "model_area_mm2",
    "doctor_area_mm2",
)


@dataclass
class Overlap:
    """Mean Dice coefficient, over readings where model or doctor outlined something."""

    total: float = 0.0
    n: int = 0

    def add(self, total: float | None, n: int) -> None:
        self.total += total or 0.0
        self.n += n

    def shown(self) -> dict[str, Any]:
        return {"mean": round(self.total / self.n, 4) if self.n else None, "n": self.n}


@dataclass
class Tally:
    """What doctors said of a group of readings. Rejected ones have no label to agree on."""

    decisions: Counter[str] = field(default_factory=Counter)
    agreed: int = 0
    dice: Overlap = field(default_factory=Overlap)
    dice_corrected: Overlap = field(default_factory=Overlap)

    def add(self, row: Mapping[str, Any]) -> None:
        self.decisions[row["decision"]] += row["n"]
        self.dice.add(row["dice_total"], row["dice_n"])
        if row["decision"] == Decision.CORRECTED:
            self.dice_corrected.add(row["dice_total"], row["dice_n"])
        if row["label"] == row["analysis__label"]:
            self.agreed += row["n"]

    def shown(self) -> dict[str, Any]:
        answered = self.decisions[Decision.SIGNED] + self.decisions[Decision.CORRECTED]
        return {
            "reviewed": self.decisions.total(),
            "decisions": {decision: self.decisions[decision] for decision in Decision.values},
            "labels": {
                "agreed": self.agreed,
                "n": answered,
                "share": round(self.agreed / answered, 4) if answered else None,
            },
            "dice": self.dice.shown(),
            "dice_corrected": self.dice_corrected.shown(),
        }


def reviews_for(
    user: User,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    release: str = "",
    label: str = "",
) -> QuerySet[Review]:
    """The reviews that count, of patients whom the user may see.

    Args:
        since, until: When they were reviewed; the beginning included, the end not.
        release, label: What read, and what it said.
    """
    found = Review.objects.filter(
        is_current=True, analysis__scan__patient__in=patients_for(user).order_by()
    )
    wanted = {
        "created_at__gte": since,
        "created_at__lt": until,
        "analysis__release": release,
        "analysis__label": label,
    }
    return found.filter(**{name: value for name, value in wanted.items() if value})


def agreement(reviews: QuerySet[Review]) -> dict[str, Any]:
    """Count it all, in one query: overall, and by the model's label, release and month."""
    rows = (
        reviews.annotate(month=TruncMonth("created_at"))
        .values("decision", "label", "analysis__label", "analysis__release", "month")
        .annotate(n=Count("id"), dice_total=Sum("dice"), dice_n=Count("dice"))
        .order_by("month", "analysis__release")
    )
    overall = Tally()
    labels = {label: Tally() for label in Label.values}
    releases: defaultdict[str, Tally] = defaultdict(Tally)
    months: defaultdict[str, Tally] = defaultdict(Tally)
    confusion = {label: dict.fromkeys(Label.values, 0) for label in Label.values}
    for row in rows:
        groups = (
            overall,
            labels[row["analysis__label"]],
            releases[row["analysis__release"]],
            months[f"{row['month']:%Y-%m}"],
        )
        for group in groups:
            group.add(row)
        if row["label"]:
            confusion[row["analysis__label"]][row["label"]] += row["n"]
    return overall.shown() | {
        "confusion": confusion,
        "by_label": [{"label": name, **tally.shown()} for name, tally in labels.items()],
        "by_release": [{"release": name, **tally.shown()} for name, tally in releases.items()],
        "by_month": [{"month": name, **tally.shown()} for name, tally in months.items()],
    }


def table(reviews: QuerySet[Review]) -> Iterator[tuple[Any, ...]]:
    """One row of `COLUMNS` per reviewed reading, without anything that says whose it is.

    Texts that doctors wrote are left out: they may name a patient. So are days.
    """
    yield COLUMNS
    found = reviews.select_related("analysis").defer("polygons").order_by("created_at", "id")
    for review in found.iterator(chunk_size=1000):
        analysis = review.analysis
        models, doctors = analysis.measurements or {}, review.measurements or {}
        yield (
            f"{review.created_at:%Y-%m}",
            analysis.release,
            analysis.label,
            (analysis.probabilities or {}).get(analysis.label),
            review.decision,
            review.label,
            review.outline,
            review.dice,
            models.get("area_px"),
            doctors.get("area_px"),
            models.get("area_mm2"),
            doctors.get("area_mm2"),
        )
