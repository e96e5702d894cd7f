"""The text of the tumour pages as it is shipped: one TOML file per page, named by its slug.

TOML, because the standard library reads it, multi-line text needs no escaping, and a change of a
sentence is one line in a diff. Sections are plain Markdown (paragraphs, bullets, bold) that cites
a source as `[@key]`.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent

# Keys are stable: the API and the app know them. The order is the order of reading.
SECTIONS: Mapping[str, str] = {
    "what_it_is": "What it is",
    "types_and_grades": "Types and grades",
    "causes_and_risk_factors": "Causes and risk factors",
    "symptoms": "Symptoms",
    "diagnosis": "Diagnosis",
    "treatment": "Treatment",
    "outlook": "Outlook",
    "when_to_seek_help": "When to seek help",
}


@dataclass(frozen=True)
class SourceContent:
    key: str
    title: str
    authors: str
    publisher: str
    year: int
    doi: str = ""
    url: str = ""


@dataclass(frozen=True)
class PageContent:
    slug: str
    position: int
    title: str
    summary: str
    sections: Mapping[str, str]  # every key of SECTIONS -> Markdown
    sources: tuple[SourceContent, ...]

    def digest(self) -> str:
        """Return the SHA-256 of everything a reader sees: equal digests, equal pages."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_pages(folder: Path = FOLDER) -> list[PageContent]:
    """Read the shipped pages in their order.

    Raises:
        KeyError, TypeError: when a file lacks a field or has one too many.
    """
    pages = [_read(path) for path in folder.glob("*.toml")]
    return sorted(pages, key=lambda page: page.position)


def _read(path: Path) -> PageContent:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    sections, sources = raw.pop("sections"), raw.pop("sources")
    return PageContent(
        slug=path.stem,
        sections={key: sections[key].strip() for key in SECTIONS},
        sources=tuple(SourceContent(**source) for source in sources),
        **raw,
    )
