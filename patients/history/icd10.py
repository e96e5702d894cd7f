"""The codes of WHO's ICD-10 (2019) that are common in the files of neurosurgery.

A subset: tumours of the nervous system and their neighbours, and what comes with them.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patients.search import fold

_LIST = Path(__file__).with_name("icd10.csv")


@dataclass(frozen=True)
class Code:
    code: str
    title: str


def title_of(code: str) -> str | None:
    """Return what ICD-10 calls a code; None for one that is not in the list."""
    known = _codes().get(code)
    return known.title if known else None


def search(text: str, *, limit: int = 50) -> list[Code]:
    """Return the codes that begin with `text`, else those with all its words, by code."""
    prefix = text.strip().upper()
    found = [entry for code, entry in _codes().items() if code.startswith(prefix)]
    if not found:
        words = fold(text).split()
        found = [_codes()[code] for code, folded in _folded() if all(w in folded for w in words)]
    return found[:limit]


@cache
def _codes() -> dict[str, Code]:
    with _LIST.open(newline="", encoding="utf-8") as file:
        return {row["code"]: Code(**row) for row in csv.DictReader(file)}


@cache
def _folded() -> list[tuple[str, str]]:
    return [(code, fold(f"{code} {entry.title}")) for code, entry in _codes().items()]
