"""Whatever people write into a file appears in its report as text, and breaks nothing."""

import re
import unicodedata
from io import BytesIO

import pypdf
import pytest
from fontTools.ttLib import TTFont
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from inference.models import Analysis
from reports.text import covered, direction, said
from reports.typeset import FONTS
from reports.words import Language
from tests.reports.conftest import MADE_AT, text_of

MARKUP = (
    '#read("/etc/passwd") #sys.inputs #panic("x") $x^2$ *bold* _it_ `code` \\ // gone? /* gone? */ '
    '<script>alert(1)</script> = Heading @ref <label> [content] "quoted" #let data = 1'
)
OVERRIDES = "Right \u202emilanif\u202c \u2066isolated\u2069 \u200fmark \u061cletter"


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(note=st.text(max_size=2000), language=st.sampled_from(Language))
@example(note=MARKUP, language=Language.ENGLISH)
@example(note=OVERRIDES, language=Language.ARABIC)
@example(note="W" * 2000, language=Language.ENGLISH)
@example(note="م" * 2000, language=Language.ARABIC)
@example(
    note="a\u0301" * 900 + "\u200d\ufe0f\U0001f468\ue000\ud800\x00\x1b", language=Language.ENGLISH
)
def test_any_note_makes_a_report(
    note: str, language: Language, reading: Analysis, doctor: User
) -> None:
    scan = reading.scan
    scan.note = note
    said_in = text_of(report(doctor, reading, note, language))
    assert "49.2" in said_in  # what follows the note is still there


@pytest.mark.parametrize("language", Language)
def test_markup_is_shown_as_it_was_written(
    language: Language, doctor: User, reading: Analysis
) -> None:
    pages = pypdf.PdfReader(BytesIO(report(doctor, reading, MARKUP, language))).pages
    shown = "".join("".join(page.extract_text() for page in pages).split())
    assert "".join(MARKUP.split()) in shown.replace("\u200b", "")
    assert "root:" not in shown


def test_ten_thousand_characters_run_over_pages(doctor: User, reading: Analysis) -> None:
    note = " ".join(f"word{number}" for number in range(1500))[:10_000]
    shown = set(text_of(report(doctor, reading, note, Language.ENGLISH)).split())
    assert set(note.split()) <= shown


def test_word_longer_than_a_line_stays_on_the_page(doctor: User, reading: Analysis) -> None:
    pdf = report(doctor, reading, "W" * 400, Language.ENGLISH)
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    assert sum(page.extract_text().count("W") for page in pages) >= 400
    lines = [line for page in pages for line in page.extract_text().splitlines()]
    assert max(line.count("W") for line in lines) <= 120


def test_nothing_turns_the_line_around() -> None:
    shown = said(OVERRIDES)["t"]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"RLO", "RLI", "LRI", "PDF"}]
    assert "milanif" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [("H-17", "ltr"), ("رنا Haddad", "rtl"), ("(انظر) x", "rtl"), ("23", "ltr"), ("", "ltr")],
)
def test_direction_is_that_of_the_first_letter(text: str, expected: str) -> None:
    assert direction(text) == expected


def test_letters_that_no_font_has_are_marked() -> None:
    assert said("Łukasz 山田 Ὀδυσσεύς")["t"].startswith("Łukasz \ufffd\ufffd")


def test_coverage_is_that_of_the_fonts() -> None:
    """Where it is not: the fonts changed; write the ranges of what both weights have anew."""
    both = set.union(
        *(
            set.intersection(
                *(
                    set(TTFont(FONTS / f"{family}-{weight}.ttf").getBestCmap())
                    for weight in ("Regular", "Bold")
                )
            )
            for family in ("IBMPlexSans", "NotoNaskhArabic")
        )
    )
    private = range(0xE000, 0xF900)
    for point in range(32, 0x3000):
        assert covered(chr(point)) == (point in both and point not in private)
    assert re.fullmatch(".", "\ufffd")
    assert covered("\ufffd")


def report(user: User, reading: Analysis, note: str, language: Language) -> bytes:
    """The report with a note that no database may have let in."""
    from reports import pdf
    from reports.contents import scan_contents

    contents = scan_contents(user, reading.scan)
    contents.scans[0].note = note
    contents.patient.family_name = note[:150]
    return pdf.pdf(contents, title="scan_title", language=language, made_at=MADE_AT)
