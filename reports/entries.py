"""One entry of the history on the pages, in the report's language as far as Falx worded it."""

from collections.abc import Iterator
from typing import Any

from inference.models import Label
from inference.runs import percent
from patients.history import dates, icd10, kinds
from patients.models import HistoryEntry
from reports.text import Said, said

Words = dict[str, Any]
Kind = HistoryEntry.Kind

MAIN = {
    Kind.ALLERGY: "substance",
    Kind.MEDICATION: "name",
    Kind.PROCEDURE: "text",
    Kind.FAMILY_HISTORY: "condition",
    Kind.SYMPTOM: "text",
    Kind.LABORATORY: "name",
    Kind.PATHOLOGY: "diagnosis",
}
"""What a kind's entries are about, in the words of whoever wrote them."""
LONG = ("comment", "outcome", "question", "answer")
"""What runs over lines of its own."""


def entry_data(entry: HistoryEntry, word: Words) -> dict[str, Any]:
    data: dict[str, Any] = entry.data
    title = title_of(entry, word)
    texts = [data[name] for name in LONG if data.get(name)]
    if entry.kind == Kind.NOTE and (text := data["text"].removeprefix(title).strip()):
        texts.insert(0, text)
    return {
        "title": said(title),
        "at": dates.written(entry.occurred_at, entry.precision).replace("T", " ")[:16],
        "facts": list(facts(entry, word)),
        "texts": [said(text) for text in texts],
        "by": said(entry.author) if entry.author else None,
    }


def title_of(entry: HistoryEntry, word: Words) -> str:
    """What somebody called the entry, else what it is about; of a reading, the class."""
    data: dict[str, Any] = entry.data
    if entry.kind == Kind.READING:
        return reading_title(entry, word)
    if entry.title != kinds.of(entry.kind).title(data):
        return entry.title
    if entry.kind == Kind.CONDITION:
        code = data.get("code", "")
        return " ".join(filter(None, [code, data.get("text") or icd10.title_of(code)]))
    if entry.kind in MAIN:
        return str(data[MAIN[Kind(entry.kind)]])
    if entry.kind == Kind.VITALS:
        return str(word["kinds"][entry.kind])
    return entry.title


def reading_title(entry: HistoryEntry, word: Words) -> str:
    label = entry.data.get("label")
    if label not in Label.values:
        return entry.title
    name = str(word["labels"][label])
    share = (entry.data.get("probabilities") or {}).get(label)
    if share is None or entry.data.get("review"):  # a doctor's answer is no probability
        return name
    return f"{name}, {percent(share)}"


def facts(entry: HistoryEntry, word: Words) -> Iterator[tuple[str, Said]]:
    """What else the entry says, one thing a line, where the wording has a name for it."""
    if entry.kind in kinds.BY_SYSTEM:
        return
    for name, value in kinds.of(entry.kind).to_representation(entry.data).items():
        if name in word["fields"] and name != MAIN.get(Kind(entry.kind)) and value is not None:
            shown = word["values"].get(value, value) if isinstance(value, str) else f"{value:.15g}"
            yield word["fields"][name], said(shown)
