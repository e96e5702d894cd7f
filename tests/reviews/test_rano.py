"""The two-dimensional rule, on courses whose answers are known."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.progress.rano import Assessment, Category, NoCategory, Size, assess

START = date(2026, 1, 5)
CR, PR = Category.COMPLETE_RESPONSE, Category.PARTIAL_RESPONSE
SD, PD = Category.STABLE, Category.PROGRESSION


def course(*diameters: tuple[float, float], days: int = 30) -> list[Assessment]:
    return assess(
        [
            Size(
                on=START + timedelta(days=days * place),
                label="glioma" if longest else "no_tumor",
                area_mm2=longest * across * 0.7854,
                longest_mm=longest,
                across_mm=across,
            )
            for place, (longest, across) in enumerate(diameters)
        ]
    )


@pytest.mark.parametrize(
    ("diameters", "category"),
    [
        ([(40, 30), (0, 0)], CR),
        ([(40, 30), (20, 30)], PR),  # exactly half
        ([(40, 30), (20.1, 30)], SD),
        ([(40, 30), (40, 30)], SD),
        ([(40, 30), (49.9, 30)], SD),
        ([(40, 30), (50, 30)], PD),  # exactly a quarter more
        ([(40, 30), (20, 20), (25, 20)], PD),  # against the smallest, though far below baseline
        ([(40, 30), (20, 20), (24.9, 20)], PR),
        ([(40, 30), (0, 0), (12, 11)], PD),  # it is back
        ([(40, 30), (0, 0), (9, 8)], None),
        ([(40, 30), (8, 8), (9.5, 9.5)], None),  # a quarter more of what cannot be measured
        ([(40, 30), (8, 8), (16, 12)], PD),
        ([(9, 30), (50, 50)], None),
        ([(40, 30)], None),
    ],
)
def test_known_answers(diameters: list[tuple[float, float]], category: Category | None) -> None:
    assert course(*diameters)[-1].category == category


def test_why_there_is_no_category() -> None:
    assert course((40, 30))[0].no_category == NoCategory.BASELINE
    assert course((9.99, 30), (50, 50))[-1].no_category == NoCategory.BASELINE_NOT_MEASURABLE
    assert course((40, 30), (0, 0), (9, 8))[-1].no_category == NoCategory.TOO_SMALL
    other = assess([Size(START, "meningioma", 900, 40, 30), Size(START, "meningioma", 90, 9, 9)])
    assert other[1].no_category == NoCategory.NOT_GLIOMA
    assert other[1].since_baseline is not None
    assert other[1].since_baseline.area == -90
    turned = assess([Size(START, "glioma", 900, 40, 30), Size(START, "pituitary", 90, 9, 9)])
    assert turned[1].no_category == NoCategory.NOT_GLIOMA


def test_changes_in_percent() -> None:
    last = course((40, 30), (20, 30), (30, 30))[-1]
    assert last.since_baseline is not None
    assert last.since_smallest is not None
    assert (last.since_baseline.product, last.since_smallest.product) == (-25, 50)
    assert (last.since_baseline.longest_diameter, last.since_smallest.longest_diameter) == (-25, 50)
    back = course((40, 30), (0, 0), (30, 30))[-1]
    assert back.since_smallest is not None
    assert back.since_smallest.product is None  # of nothing there is no percentage


@pytest.mark.parametrize(
    ("diameters", "days", "confirmed"),
    [
        ([(40, 30), (20, 20)], 30, False),
        ([(40, 30), (20, 20), (20, 20)], 28, True),
        ([(40, 30), (20, 20), (20, 20)], 27, False),
        ([(40, 30), (20, 20), (20, 20), (20, 20)], 14, True),
        ([(40, 30), (20, 20), (0, 0)], 30, True),
        ([(40, 30), (20, 20), (30, 30)], 30, False),
        ([(40, 30), (0, 0), (20, 20)], 30, False),
        ([(40, 30), (0, 0), (0, 0)], 30, True),
        ([(40, 30), (45, 30), (45, 30)], 30, None),
    ],
)
def test_a_response_is_confirmed_by_a_scan_four_weeks_later(
    diameters: list[tuple[float, float]], days: int, confirmed: bool | None
) -> None:
    assert course(*diameters, days=days)[1].confirmed is confirmed


lengths = st.floats(0.1, 150).map(lambda value: round(value, 2))


@settings(deadline=None)
@given(st.lists(st.tuples(lengths, lengths), min_size=1, max_size=8))
def test_what_holds_for_every_course(diameters: list[tuple[float, float]]) -> None:
    judged = course(*diameters)
    assert len(judged) == len(diameters)
    smallest = judged[0]
    for assessment in judged[1:]:
        assert (assessment.category is None) != (assessment.no_category is None)
        change = assessment.since_smallest
        assert change is not None
        assert change.product is not None
        if assessment.category == PD:
            assert change.product >= 24.9
        if assessment.category in (SD, PR):
            assert change.product <= 25.1
        if assessment.category == PR:
            assert assessment.since_baseline is not None
            assert (assessment.since_baseline.product or 0) <= -49.9
    assert smallest.category is None
