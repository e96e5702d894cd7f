"""One entry of the history on the pages."""

from typing import Any

from inference.models import Label
from inference.runs import percent
from patients.models import HistoryEntry
from reports.moments import day
from reports.text import said

Words = dict[str, Any]


def entry_data(entry: HistoryEntry, word: Words) -> dict[str, Any]:
    return {
        "title": said(title(entry, word)),
        "at": day(entry.occurred_at),
        "facts": [],
        "texts": [],
        "by": said(entry.author) if entry.author else None,
    }


def title(entry: HistoryEntry, word: Words) -> str:
    """The entry's own title; of a reading, which Falx itself worded, in the report's language."""
    label = entry.data.get("label")
    if entry.kind != HistoryEntry.Kind.READING or label not in Label.values:
        return entry.title
    if entry.data.get("review"):  # a doctor's answer is no probability
        return str(word["labels"][label])
    share = (entry.data.get("probabilities") or {}).get(label)
    name: str = word["labels"][label]
    return f"{name}, {percent(share)}" if share is not None else name
