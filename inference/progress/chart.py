"""The course of a patient as a picture: the product of diameters against time, and the rule."""

import math
from datetime import date, timedelta

from inference.progress.rano import (
    PARTIAL_RESPONSE_SHARE,
    PROGRESSION_SHARE,
    Category,
    NoCategory,
)
from inference.progress.shapes import Dot, Line, Shape, Words
from inference.progress.timeline import Point, Progress

WIDTH, HEIGHT = 900, 540
TITLE = "Change over time: product of perpendicular diameters"

_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 868, 92, 400
_INK, _GREY, _PALE = "#1f2933", "#6b7785", "#dfe4ea"
_LINE = "#3d5a80"
_COLOURS = {
    Category.COMPLETE_RESPONSE: "#1b7f4d",
    Category.PARTIAL_RESPONSE: "#1b7f4d",
    Category.STABLE: _LINE,
    Category.PROGRESSION: "#c0392b",
}
_NAMES = {
    Category.COMPLETE_RESPONSE: "complete response",
    Category.PARTIAL_RESPONSE: "partial response",
    Category.STABLE: "stable",
    Category.PROGRESSION: "progression",
}
_LABEL_ROOM = 84  # units that a date under the axis needs
_WORDS_ROOM = 84  # and a category above a point
_TICKS = 5

_Place = tuple[float, float, Point]


def chart(progress: Progress) -> list[Shape]:
    """Return the shapes of a `WIDTH` x `HEIGHT` picture; nothing in it says who the patient is."""
    shapes: list[Shape] = [
        Words(_LEFT, 34, TITLE, 20, _INK),
        Words(
            _LEFT, 58, "Largest slice of each date; the area of one slice, not a volume", 14, _GREY
        ),
    ]
    if not progress.points:
        return [*shapes, _instead("There is no reading yet.")]
    if not progress.compared:
        shapes.append(_instead("No scan can be compared: see the reason of each."))
    frame = _Frame(progress)
    return [
        *shapes,
        *_axes(frame, progress),
        *_thresholds(frame, progress),
        *_course(frame, progress),
        *_legend(),
    ]


class _Frame:
    """Where a date and a product lie in the picture."""

    def __init__(self, progress: Progress) -> None:
        days = [point.on for point in progress.points]
        self.first, self.last = min(days), max(days)
        if self.first == self.last:
            self.first -= timedelta(days=15)
            self.last += timedelta(days=15)
        largest = max((p.size.product_mm2 for p in progress.points if p.size), default=0.0)
        needed = largest * PROGRESSION_SHARE or 100.0
        self.step = _nice_step(needed)
        self.ticks = math.ceil(needed / self.step)
        self.top = self.step * self.ticks

    def x(self, on: date) -> float:
        inner = _RIGHT - _LEFT - 80
        return _LEFT + 40 + inner * ((on - self.first) / (self.last - self.first))

    def y(self, product: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * product / self.top


def _axes(frame: _Frame, progress: Progress) -> list[Shape]:
    shapes: list[Shape] = []
    if progress.compared:
        for tick in range(frame.ticks + 1):
            y = frame.y(tick * frame.step)
            shapes.append(Line([(_LEFT, y), (_RIGHT, y)], _PALE))
            shapes.append(Words(_LEFT - 10, y + 5, f"{tick * frame.step:g}", 14, _GREY, "end"))
        middle = (_TOP + _BOTTOM) / 2
        shapes.append(
            Words(30, middle, "Product of diameters (mm²)", 15, _INK, "middle", upwards=True)
        )
    shapes.append(Line([(_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _GREY, 1.5))
    free_from = -math.inf
    for point in progress.points:
        x = frame.x(point.on)
        shapes.append(Line([(x, _BOTTOM), (x, _BOTTOM + 6)], _GREY, 1.5))
        if x >= free_from:
            shapes.append(Words(x, _BOTTOM + 24, point.on.isoformat(), 14, _GREY, "middle"))
            free_from = x + _LABEL_ROOM
    shapes.append(Words((_LEFT + _RIGHT) / 2, _BOTTOM + 46, "Date of the scan", 15, _INK, "middle"))
    return shapes


def _thresholds(frame: _Frame, progress: Progress) -> list[Shape]:
    """What a scan after the last would have to reach for a response or for progression."""
    sizes = [point.size for point in progress.compared if point.size is not None]
    if not any(
        p.assessment and p.assessment.no_category in (None, NoCategory.TOO_SMALL)
        for p in progress.compared
    ):
        return []
    smallest = min(size.product_mm2 for size in sizes)
    lines = {
        "progression from": (PROGRESSION_SHARE * smallest, _COLOURS[Category.PROGRESSION]),
        "partial response up to": (
            PARTIAL_RESPONSE_SHARE * sizes[0].product_mm2,
            _COLOURS[Category.PARTIAL_RESPONSE],
        ),
    }
    shapes: list[Shape] = []
    for name, (product, colour) in lines.items():
        if not product:
            continue
        y = frame.y(product)
        shapes.append(Line([(_LEFT, y), (_RIGHT, y)], colour, dashed=True))
        shapes.append(Words(_RIGHT, y - 5, f"{name} {product:.0f}", 12, colour, "end"))
    return shapes


def _course(frame: _Frame, progress: Progress) -> list[Shape]:
    shapes: list[Shape] = []
    places = [
        (frame.x(point.on), frame.y(point.size.product_mm2), point)
        for point in progress.points
        if point.size is not None
    ]
    if len(places) > 1:
        shapes.append(Line([(x, y) for x, y, _ in places], _LINE, 2))
    for x, y, point in places:
        colour = _colour(point)
        shapes.append(Dot(x, y, 6, colour if point.answer.review else "#ffffff", colour))
    for x, y, point in _with_room(places):
        for line, text in enumerate(reversed(_said(point))):
            shapes.append(Words(x, y - 14 - 16 * line, text, 13, _colour(point), "middle"))
    for point in progress.points:
        if point.size is None:
            x = frame.x(point.on)
            for tilt in (-5, 5):
                shapes.append(Line([(x - 5, _BOTTOM - tilt), (x + 5, _BOTTOM + tilt)], _GREY, 2))
    return shapes


def _with_room(places: list[_Place]) -> list[_Place]:
    """Return those with room for words beside them: progression before all, then the newest."""
    chosen: list[_Place] = []
    newest_first = places[::-1]
    alarming = _COLOURS[Category.PROGRESSION]
    for place in sorted(newest_first, key=lambda place: _colour(place[2]) != alarming):
        if all(abs(place[0] - other[0]) >= _WORDS_ROOM for other in chosen):
            chosen.append(place)
    return chosen


def _said(point: Point) -> list[str]:
    """The category and the change since the smallest, under each other."""
    if point.assessment is None or point.assessment.no_category is NoCategory.BASELINE:
        return ["baseline"]
    change = point.assessment.since_smallest
    said = [f"{change.product:+.0f} %"] if change and change.product is not None else []
    if point.assessment.category:
        said.insert(0, _NAMES[point.assessment.category])
    return said


def _colour(point: Point) -> str:
    category = point.assessment.category if point.assessment else None
    return _COLOURS[category] if category else _LINE


def _legend() -> list[Shape]:
    y = HEIGHT - 62
    columns = (_LEFT, _LEFT + 220, _LEFT + 420)
    return [
        Dot(columns[0] + 6, y - 5, 6, _LINE, _LINE),
        Words(columns[0] + 20, y, "reviewed by a doctor", 13, _INK),
        Dot(columns[1] + 6, y - 5, 6, "#ffffff", _LINE),
        Words(columns[1] + 20, y, "preliminary", 13, _INK),
        Line([(columns[2] + 1, y - 10), (columns[2] + 11, y)], _GREY, 2),
        Line([(columns[2] + 1, y), (columns[2] + 11, y - 10)], _GREY, 2),
        Words(columns[2] + 20, y, "not comparable, for a reason given in the data", 13, _INK),
        Words(
            _LEFT,
            HEIGHT - 36,
            "Percent since the smallest so far. RANO, two-dimensional (Wen et al. 2010, 2023), "
            "imaging only:",
            13,
            _GREY,
        ),
        Words(
            _LEFT,
            HEIGHT - 18,
            "steroids and the patient's condition are not taken into account; responses need a "
            "second scan after 4 weeks.",
            13,
            _GREY,
        ),
    ]


def _instead(text: str) -> Words:
    return Words((_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2, text, 16, _GREY, "middle")


def _nice_step(top: float) -> float:
    """Return a round step, so that `_TICKS` of them reach `top`."""
    rough = top / _TICKS
    magnitude: float = 10.0 ** math.floor(math.log10(rough))
    return next(n * magnitude for n in (1, 2, 2.5, 5, 10) if n * magnitude >= rough)
