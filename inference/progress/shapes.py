"""The few shapes that a chart is made of, written as SVG or drawn as PNG, the same in both.

A chart needs lines, dots and words: two small writers, and neither a plotting library nor fonts on
the server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Anchor = Literal["start", "middle", "end"]

_PNG_SCALE = 2  # pixels per unit, for screens with fine pixels
_SUPERSAMPLING = 2  # Pillow draws lines without anti-aliasing
_HALO = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'  # words stay readable on lines
_SQUARED = "²"  # the one sign that Pillow's own font does not have


@dataclass(frozen=True)
class Line:
    points: Sequence[tuple[float, float]]
    colour: str
    width: float = 1
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    fill: str
    stroke: str


@dataclass(frozen=True)
class Words:
    """One line of text on its baseline. `upwards`: turned a quarter to the left."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Anchor = "start"
    upwards: bool = False


Shape = Line | Dot | Words


def to_svg(shapes: Sequence[Shape], width: int, height: int, title: str) -> str:
    """Return a drawing that stands by itself; `title` is what screen readers say."""
    drawn = "\n".join(map(_svg, shapes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" '
        'font-family="Helvetica, Arial, sans-serif">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{drawn}\n</svg>\n'
    )


def to_png(shapes: Sequence[Shape], width: int, height: int) -> bytes:
    """Return the same as PNG, two pixels per unit."""
    scale = _PNG_SCALE * _SUPERSAMPLING
    picture = Image.new("RGB", (width * scale, height * scale), "#ffffff")
    for shape in shapes:
        _draw(picture, shape, scale)
    out = BytesIO()
    size = (width * _PNG_SCALE, height * _PNG_SCALE)
    picture.resize(size, Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _svg(shape: Shape) -> str:
    match shape:
        case Line(points, colour, width, dashed):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            dashes = ' stroke-dasharray="6 4"' if dashed else ""
            return (
                f'<polyline points="{path}" fill="none" stroke="{colour}" '
                f'stroke-width="{width}"{dashes}/>'
            )
        case Dot(x, y, radius, fill, stroke):
            return (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" '
                f'stroke="{stroke}" stroke-width="2"/>'
            )
        case Words(x, y, text, size, colour, anchor, upwards):
            turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if upwards else ""
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
                f'text-anchor="{anchor}" {_HALO}{turned}>{escape(text)}</text>'
            )


def _draw(picture: Image.Image, shape: Shape, scale: int) -> None:
    pen = ImageDraw.Draw(picture)
    match shape:
        case Line(points, colour, width, dashed):
            ends = [(x * scale, y * scale) for x, y in points]
            for part in _dashes(ends, scale) if dashed else [ends]:
                pen.line(part, fill=colour, width=round(width * scale), joint="curve")
        case Dot(x, y, radius, fill, stroke):
            pen.circle((x * scale, y * scale), (radius + 1) * scale, fill, stroke, width=2 * scale)
        case Words(upwards=False):
            _write(pen, shape, shape.x * scale, shape.y * scale, scale)
        case Words():
            side = min(picture.size)
            stencil = Image.new("L", (side, side))
            _write(ImageDraw.Draw(stencil), shape, side / 2, side / 2, scale, fill=255, halo=0)
            place = (round(shape.x * scale - side / 2), round(shape.y * scale - side / 2))
            picture.paste(shape.colour, place, stencil.rotate(90))


def _write(
    pen: ImageDraw.ImageDraw,
    words: Words,
    x: float,
    y: float,
    scale: int,
    fill: str | int | None = None,
    halo: float = 1.5,
) -> None:
    fill = words.colour if fill is None else fill
    rim = round(halo * scale)
    font = ImageFont.load_default(words.size * scale)
    small = ImageFont.load_default(words.size * scale * 0.65)
    parts = words.text.split(_SQUARED)
    squares = small.getlength("2")
    total = sum(map(font.getlength, parts)) + squares * (len(parts) - 1)
    x -= {"start": 0.0, "middle": total / 2, "end": total}[words.anchor]
    for place, part in enumerate(parts):
        if place:
            pen.text(
                (x, y - words.size * scale * 0.35),
                "2",
                fill,
                small,
                anchor="ls",
                stroke_width=rim,
                stroke_fill="#ffffff",
            )
            x += squares
        pen.text((x, y), part, fill, font, anchor="ls", stroke_width=rim, stroke_fill="#ffffff")
        x += font.getlength(part)


def _dashes(points: Sequence[tuple[float, float]], scale: int) -> list[list[tuple[float, float]]]:
    """Cut a line into dashes of 6 units with 4 between them."""
    parts = []
    for start, end in pairwise(points):
        way = np.subtract(end, start)
        length = float(np.hypot(*way))
        for begin in np.arange(0, length, 10 * scale):
            ends = (begin, min(begin + 6 * scale, length))
            parts.append([tuple(np.add(start, way * (at / length))) for at in ends])
    return parts
