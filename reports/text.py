"""Text from outside, made fit for a page: in its own direction, in letters that the fonts have."""

import json
import re
import unicodedata
from bisect import bisect_right
from functools import cache
from typing import TypedDict

from reports.typeset import FONTS

LONGEST_WORD = 40
_REPLACEMENT = "\ufffd"
_ZERO_WIDTH_SPACE = "\u200b"
# Overrides, embeddings, isolates and marks (Unicode Annex 9): each text gets a direction of its
# own, and nobody's note may turn the rest of a line around.
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONG_WORDS = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")


class Said(TypedDict):
    t: str
    d: str


def said(text: object) -> Said:
    """Return the text as the template takes it, with the direction of its first letter."""
    shown = printable(str(text))
    return {"t": shown, "d": direction(shown)}


def direction(text: str) -> str:
    """Return `rtl` or `ltr`, by the first letter that has a direction (Annex 9, rule P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind == "L":
            return "ltr"
        if kind in ("R", "AL"):
            return "rtl"
    return "ltr"


def printable(text: str) -> str:
    """Return the text without what no page can show; letters that no font has become U+FFFD."""
    text = _BIDI_CONTROLS.sub("", unicodedata.normalize("NFC", text))
    text = text.replace("\r\n", "\n").replace("\t", " ")
    text = "".join(
        character if character == "\n" or covered(character) else _REPLACEMENT
        for character in text
        if character == "\n" or unicodedata.category(character) != "Cc"
    )
    # A word longer than a line would run off the page: it may break here.
    return _LONG_WORDS.sub(lambda found: found.group() + _ZERO_WIDTH_SPACE, text).strip()


def covered(character: str) -> bool:
    """Whether one of the fonts has this character."""
    starts, ends = _coverage()
    place = bisect_right(starts, ord(character)) - 1
    return place >= 0 and ord(character) <= ends[place]


@cache
def _coverage() -> tuple[list[int], list[int]]:
    """First and last code points of the fonts' ranges; `coverage.json` is written by a test."""
    ranges = json.loads((FONTS / "coverage.json").read_text())
    return [first for first, _ in ranges], [last for _, last in ranges]
