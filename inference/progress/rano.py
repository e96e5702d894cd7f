"""How a tumour changed, by the two-dimensional rule of neuro-oncology. Pure: no Django.

The product of the longest diameter and its perpendicular, against the first scan and against the
smallest before it. Sources: RANO, Wen et al., J Clin Oncol 2010, doi 10.1200/JCO.2009.26.3541;
RANO 2.0, Wen et al., J Clin Oncol 2023, doi 10.1200/JCO.23.01059. Both know more than a slice
shows: steroids, the patient's condition, new lesions, what does not enhance, other planes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

MEASURABLE_MM = 10.0
"""Both diameters must have this much for a lesion to be measurable."""

PARTIAL_RESPONSE_SHARE = 0.5
"""Of the baseline's product: at most this is a partial response."""

PROGRESSION_SHARE = 1.25
"""Of the smallest product so far: at least this is progression."""

CONFIRMED_AFTER = timedelta(weeks=4)

GLIOMA, NO_TUMOR = "glioma", "no_tumor"


class Category(StrEnum):
    COMPLETE_RESPONSE = "complete_response"
    PARTIAL_RESPONSE = "partial_response"
    STABLE = "stable"
    PROGRESSION = "progression"


class NoCategory(StrEnum):
    """Why the rule says nothing."""

    BASELINE = "baseline"
    NOT_GLIOMA = "not_glioma"
    BASELINE_NOT_MEASURABLE = "baseline_not_measurable"
    TOO_SMALL = "too_small"


@dataclass(frozen=True)
class Size:
    """What was measured on one date; all zero where there is no tumour."""

    on: date
    label: str
    area_mm2: float = 0.0
    longest_mm: float = 0.0
    across_mm: float = 0.0

    @property
    def product_mm2(self) -> float:
        return round(self.longest_mm * self.across_mm, 2)

    @property
    def measurable(self) -> bool:
        return min(self.longest_mm, self.across_mm) >= MEASURABLE_MM


@dataclass(frozen=True)
class Change:
    """In percent of the reference; None where that is 0."""

    area: float | None
    longest_diameter: float | None
    product: float | None


@dataclass(frozen=True)
class Assessment:
    """One date against those before it.

    Either `category` or `no_category` is set. `confirmed`: for a response, whether a scan at least
    four weeks later still shows it; None for all else.
    """

    since_baseline: Change | None
    since_smallest: Change | None
    category: Category | None
    no_category: NoCategory | None
    confirmed: bool | None = None


def assess(sizes: Sequence[Size]) -> list[Assessment]:
    """Judge each of several dates, in order; the first is the baseline."""
    judged: list[Assessment] = []
    for place, now in enumerate(sizes):
        if place == 0:
            judged.append(Assessment(None, None, None, NoCategory.BASELINE))
            continue
        baseline = sizes[0]
        smallest = min(sizes[:place], key=lambda size: size.product_mm2)
        found = _judge(now, baseline, smallest)
        judged.append(
            Assessment(
                since_baseline=_change(now, baseline),
                since_smallest=_change(now, smallest),
                category=found if isinstance(found, Category) else None,
                no_category=found if isinstance(found, NoCategory) else None,
            )
        )
    categories = [assessment.category for assessment in judged]
    return [
        replace(assessment, confirmed=_confirmed(place, sizes, categories))
        for place, assessment in enumerate(judged)
    ]


def _judge(now: Size, baseline: Size, smallest: Size) -> Category | NoCategory:
    # The rule was made for gliomas; other tumours have others.
    if baseline.label != GLIOMA or now.label not in (GLIOMA, NO_TUMOR):
        return NoCategory.NOT_GLIOMA
    if not baseline.measurable:
        return NoCategory.BASELINE_NOT_MEASURABLE
    if now.product_mm2 == 0:
        return Category.COMPLETE_RESPONSE
    # Progression first: a tumour half its first size may still have doubled since its smallest.
    if now.product_mm2 >= round(PROGRESSION_SHARE * smallest.product_mm2, 2):
        # A few pixels more are a large share of a small lesion.
        return Category.PROGRESSION if now.measurable else NoCategory.TOO_SMALL
    if now.product_mm2 <= round(PARTIAL_RESPONSE_SHARE * baseline.product_mm2, 2):
        return Category.PARTIAL_RESPONSE
    return Category.STABLE


def _confirmed(
    place: int, sizes: Sequence[Size], categories: Sequence[Category | None]
) -> bool | None:
    as_good = {
        Category.COMPLETE_RESPONSE: {Category.COMPLETE_RESPONSE},
        Category.PARTIAL_RESPONSE: {Category.COMPLETE_RESPONSE, Category.PARTIAL_RESPONSE},
    }.get(categories[place] or Category.STABLE)
    if as_good is None:
        return None
    for size, category in zip(sizes[place + 1 :], categories[place + 1 :], strict=True):
        if category not in as_good:
            return False
        if size.on - sizes[place].on >= CONFIRMED_AFTER:
            return True
    return False


def _change(now: Size, reference: Size) -> Change:
    return Change(
        area=_percent(now.area_mm2, reference.area_mm2),
        longest_diameter=_percent(now.longest_mm, reference.longest_mm),
        product=_percent(now.product_mm2, reference.product_mm2),
    )


def _percent(now: float, reference: float) -> float | None:
    return round((now / reference - 1) * 100, 1) if reference else None
