"""From what is in a file to what stands on the pages: everything is put into words here.

The template only places what this says. The same contents, language and time give the same pages.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models.fields.files import FieldFile

from patients.models import HistoryEntry, Patient
from reports.cards import Score, card_of
from reports.contents import FileContents, newest_reading
from reports.entries import entry_data
from reports.moments import moment
from reports.slices import SliceWriter
from reports.text import Said, said
from reports.words import Language, words

MOST_SCANS = 100
MOST_ENTRIES = 500
LONGEST_RUNNING_NAME = 60

Facts = list[tuple[str, Said]]


@dataclass(frozen=True)
class Document:
    """What the template gets: `data`, fit for JSON, and the pictures that it names."""

    data: dict[str, Any]
    pictures: dict[str, FieldFile]


def document(
    contents: FileContents, *, title: str, language: Language, made_at: datetime
) -> Document:
    """Put a file, or one scan of it, into words.

    Args:
        title: Which of the wording's titles: `file_title` or `scan_title`.
    """
    word = words(language)
    naming = names(contents.patient, language)
    writer = SliceWriter(word)
    current = HistoryEntry.Status.CURRENT
    entries = [entry for entry in contents.history if entry.status == current]
    shown = contents.scans[:MOST_SCANS]
    slices = [writer.slice(number, scan) for number, scan in enumerate(shown, 1)]
    preliminary = any(entry["state"]["shade"] == "open" for entry in slices)
    return Document(
        data={
            "words": word,
            "language": language,
            "direction": language.direction,
            "title": word[title],
            "made_at": moment(made_at),
            "letterhead": letterhead(language),
            "running": said(shortened(naming[0]["t"])),
            "file": str(contents.patient.pk),
            # One slice says it by itself.
            "warned": preliminary and len(slices) > 1,
            "watermark": word["watermark"] if preliminary else None,
            "patient": {
                "names": naming,
                "facts": demographics(contents.patient, word, made_at.date()),
            },
            "scans": slices,
            "left_out": left_out(word["left_out"], len(shown), len(contents.scans)),
            "history": history(entries[:MOST_ENTRIES], word),
            "left_out_entries": left_out(word["left_out_entries"], MOST_ENTRIES, len(entries)),
            "models": models(contents, word),
            "limits": word["limits"],
        },
        pictures=writer.pictures,
    )


def letterhead(language: Language) -> dict[str, Any]:
    arabic = language is Language.ARABIC
    name = (arabic and settings.HOSPITAL_NAME_ARABIC) or settings.HOSPITAL_NAME
    address = (arabic and settings.HOSPITAL_ADDRESS_ARABIC) or settings.HOSPITAL_ADDRESS
    return {"name": said(name), "address": said(address) if address else None}


def names(patient: Patient, language: Language) -> list[Said]:
    """The patient's names, in the script of the report first."""
    latin = ", ".join(filter(None, [patient.family_name, patient.given_name]))
    arabic = " ".join(filter(None, [patient.given_name_arabic, patient.family_name_arabic]))
    ordered = [arabic, latin] if language is Language.ARABIC else [latin, arabic]
    return [said(name) for name in ordered if name]


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_RUNNING_NAME else f"{name[:LONGEST_RUNNING_NAME]}…"


def demographics(patient: Patient, word: dict[str, Any], today: date) -> Facts:
    facts: Facts = []
    if patient.birth_date:
        facts.append((word["date_of_birth"], said(patient.birth_date.isoformat())))
    if age := age_of(patient, word, today):
        facts.append((word["age"], said(age)))
    facts.append((word["sex"], said(word["sexes"][patient.sex])))
    for identifier in patient.identifiers.all():
        number = said(f"{identifier.value} ({identifier.issuer})")
        facts.append((word["identifiers"][identifier.kind], number))
    return facts


def age_of(patient: Patient, word: dict[str, Any], today: date) -> str:
    """The age on that day; of small children in months."""
    born = patient.birth_date
    if born is None:
        if patient.age_years is None or patient.age_noted_on is None:
            return ""
        years = patient.age_years + (today - patient.age_noted_on).days // 365
        return str(word["about_years"].format(years=years))
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    if months < 24:
        return str(word["months"].format(months=max(months, 0)))
    return str(word["years"].format(years=months // 12))


def history(entries: list[HistoryEntry], word: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries by kind, in the order that the wording has the kinds in."""
    by_kind: dict[str, list[HistoryEntry]] = {kind: [] for kind in word["kinds"]}
    for entry in entries:
        by_kind[entry.kind].append(entry)
    return [
        {"title": word["kinds"][kind], "entries": [entry_data(entry, word) for entry in found]}
        for kind, found in by_kind.items()
        if found
    ]


def left_out(sentence: str, shown: int, everything: int) -> str | None:
    return sentence.format(shown=shown, all=everything) if everything > shown else None


def models(contents: FileContents, word: dict[str, Any]) -> list[Facts]:
    """The releases that read the slices, the newest first."""
    readings = [newest_reading(scan) for scan in contents.scans]
    releases = {reading.release for reading in readings if reading and reading.release}
    return [release_facts(release, word) for release in sorted(releases, reverse=True)]


def release_facts(release: str, word: dict[str, Any]) -> Facts:
    card = card_of(release)
    name = f"{card.name} ({card.created})" if card.created else card.name
    facts = [(word["release"], said(name))]
    for key, sentence in (
        ("home_accuracy", "of_slices"),
        ("other_accuracy", "of_slices"),
        ("dice", "mean_of_slices"),
    ):
        score: Score | None = getattr(card, key)
        if score is not None:
            share = f"{score.share:.2f}" if key == "dice" else f"{score.share * 100:.1f} %"
            facts.append((word[key], said(word[sentence].format(share=share, count=score.slices))))
    return facts
