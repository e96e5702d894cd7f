"""What a report says in each language."""

import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

WORDING = Path(__file__).resolve().parent / "wording"


class Language(StrEnum):
    ENGLISH = "en"
    ARABIC = "ar"

    @property
    def direction(self) -> str:
        return "rtl" if self is Language.ARABIC else "ltr"


@cache
def words(language: Language) -> dict[str, Any]:
    """Return the wording of a language; all have the same keys, and a test says so."""
    return tomllib.loads((WORDING / f"{language}.toml").read_text(encoding="utf-8"))
