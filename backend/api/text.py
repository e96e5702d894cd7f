"""What text may come in: one rule for the whole API."""

import unicodedata
from pathlib import PurePosixPath
from typing import Any

from django.db import models
from rest_framework import serializers

LINE_LENGTH = 200
TEXT_LENGTH = 10_000
SEARCH_LENGTH = 200

# They turn the order of what follows around: a name could be shown as another one.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LAYOUT = frozenset("\n\t")
_LINE_BREAKS = ("Zl", "Zp")
_NUL = "\0"


class PlainText(serializers.CharField):
    """Text as somebody typed it: kept as it is, never interpreted, safe to store and to show.

    One line: no control characters, line breaks or bidirectional overrides. Several lines: line
    breaks (kept as `\\n`), tabs and marks of direction are text too. NUL and half characters
    (lone surrogates) are refused in both, as is a text in which there is nothing to see.

    Args:
        multiline: Whether it may have several lines.
        max_length: 200 for a line and 10,000 for more, unless told.
    """

    default_error_messages = {
        "control_characters_not_allowed": "Control characters are not allowed: U+{code_point:04X}.",
        "line_breaks_not_allowed": "This is one line: line breaks are not allowed.",
        "bidi_characters_not_allowed": (
            "Characters that turn the direction of text are not allowed: U+{code_point:04X}."
        ),
    }

    def __init__(self, *, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        kwargs.setdefault("max_length", TEXT_LENGTH if multiline else LINE_LENGTH)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        if self.multiline:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        for character in text:
            self._check(character)
        if not any(map(_is_visible, text)):
            if not self.allow_blank:
                self.fail("blank")
            return ""
        return text

    def _check(self, character: str) -> None:
        category = unicodedata.category(character)
        if character == _NUL:
            return  # the validators of every text field have their own word for it
        if category == "Cc" and not (self.multiline and character in _LAYOUT):
            if character in "\r\n":
                self.fail("line_breaks_not_allowed")
            self.fail("control_characters_not_allowed", code_point=ord(character))
        if self.multiline:
            return
        if category in _LINE_BREAKS:
            self.fail("line_breaks_not_allowed")
        if character in _BIDI_CONTROLS:
            self.fail("bidi_characters_not_allowed", code_point=ord(character))


class PlainTexts(PlainText):
    """Several lines of it, for where a model's field decides which class is used."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(multiline=True, **kwargs)


class PlainTextModelSerializer(serializers.ModelSerializer[Any]):
    """A model's own text fields under the one rule: lines for CharField, texts for TextField."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: PlainText,
        models.TextField: PlainTexts,
    }


class SearchText(PlainText):
    """What somebody looks for: a line that may be empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"max_length": SEARCH_LENGTH, "required": False, "allow_blank": True, **kwargs}
        )


def as_line(text: str, length: int = LINE_LENGTH) -> str:
    """Return the beginning of a text as one line, fit to stand where `PlainText` lines stand."""
    line = "".join(c for c in " ".join(text.split()) if c not in _BIDI_CONTROLS)
    return line if len(line) <= length else line[: length - 1] + "…"


def display_name(name: str) -> str:
    """Return the last part of a client's file name, fit to be shown and offered for download."""
    return printable(PurePosixPath(name.replace("\\", "/")).name, 255).strip(". ")


def printable(text: str | None, limit: int) -> str:
    """Return at most `limit` characters of a text from outside, without control characters."""
    return "".join(c for c in text or "" if unicodedata.category(c)[0] != "C")[:limit]


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZM" or character == _NUL
