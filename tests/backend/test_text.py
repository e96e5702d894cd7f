"""What text may come in."""

import pytest
from rest_framework.exceptions import ValidationError

from backend.api.text import PlainText


def refusal(text: object, *, multiline: bool) -> str | None:
    try:
        PlainText(multiline=multiline).run_validation(text)
    except ValidationError as refused:
        (detail,) = refused.detail
        return detail.code  # type: ignore[union-attr]
    return None


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        ("<script>alert(1)</script>", None, None),
        ("رنا \u200f حدّاد", None, None),
        ("a\nb", "line_breaks_not_allowed", None),
        ("a\u2028b", "line_breaks_not_allowed", None),
        ("a\tb", "control_characters_not_allowed", None),
        ("a\x1bb", "control_characters_not_allowed", "control_characters_not_allowed"),
        ("a\x85b", "control_characters_not_allowed", "control_characters_not_allowed"),
        ("a\0b", "null_characters_not_allowed", "null_characters_not_allowed"),
        ("a\ud800", "surrogate_characters_not_allowed", "surrogate_characters_not_allowed"),
        ("a\u202eb", "bidi_characters_not_allowed", None),
        ("a\u2066b", "bidi_characters_not_allowed", None),
        ("\u200b\u2060", "blank", "blank"),
        ("  ", "blank", "blank"),
        ("x" * 201, "max_length", None),
        ("x" * 10_001, "max_length", "max_length"),
        (7, "invalid", "invalid"),
        (["a"], "invalid", "invalid"),
    ],
)
def test_what_is_refused(text: object, line: str | None, lines: str | None) -> None:
    assert refusal(text, multiline=False) == line
    assert refusal(text, multiline=True) == lines


def test_text_is_kept_as_it_was_typed_but_for_the_ends_of_lines() -> None:
    assert PlainText(multiline=True).run_validation(" a\r\nb\t<b>\rc ") == "a\nb\t<b>\nc"
