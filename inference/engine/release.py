"""A release: a folder with the networks' weights and graphs, and the card that describes them."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASES = Path(__file__).resolve().parent.parent / "releases"
CARD = "card.json"
CLASSES = ("glioma", "meningioma", "pituitary", "no_tumor")


class ReleaseError(RuntimeError):
    """The release cannot be used. Codes: release_missing, release_corrupt."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Release:
    """The part of a release's card that reading a slice needs.

    Sizes are the side of the square the networks take, in pixels. `min_area_fraction` is the
    smallest part worth outlining, as a share of that square.
    """

    folder: Path
    name: str
    classifier_architecture: dict[str, Any]
    classifier_size: int
    temperature: float
    segmenter_architecture: dict[str, Any]
    segmenter_size: int
    mask_threshold: float
    min_area_fraction: float
    distance_threshold: float
    sha256: dict[str, str]

    def file(self, name: str) -> Path:
        """Return the path of one of the release's files, once its checksum is right.

        Raises ReleaseError: release_corrupt.
        """
        path = self.folder / name
        if name not in self.sha256 or not path.is_file():
            raise ReleaseError("release_corrupt", f"Release {self.name} lacks the file {name}.")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != self.sha256[name]:
            raise ReleaseError(
                "release_corrupt", f"{name} of release {self.name} does not match its checksum."
            )
        return path


def find_release(folder: str | Path | None = None) -> Release:
    """Read the card of `folder`, else of FALX_RELEASE, else of the newest in `releases`.

    Raises ReleaseError: release_missing, release_corrupt.
    """
    chosen = folder or os.environ.get("FALX_RELEASE") or _newest()
    if chosen is None:
        raise ReleaseError("release_missing", f"There is no release in {RELEASES}.")
    path = Path(chosen)
    if not (path / CARD).is_file():
        raise ReleaseError("release_missing", f"There is no release in {path}.")
    try:
        return _from_card(path, json.loads((path / CARD).read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError("release_corrupt", f"{path / CARD} is damaged: {error}.") from error


def _newest() -> Path | None:
    folders = [path.parent for path in RELEASES.glob(f"*/{CARD}")]
    return max(folders, key=lambda path: _version(path.name), default=None)


def _version(name: str) -> list[int]:
    """Compare 2026.9 and 2026.11 as people do."""
    return [int(number) for number in re.findall(r"\d+", name)]


def _from_card(folder: Path, card: dict[str, Any]) -> Release:
    if tuple(card["classes"]) != CLASSES:
        raise ValueError(f"its classes are not {', '.join(CLASSES)}")
    classifier, segmenter = card["classifier"], card["segmenter"]
    return Release(
        folder=folder,
        name=str(card["name"]),
        classifier_architecture=dict(classifier["architecture"]),
        classifier_size=int(classifier["size"]),
        temperature=float(classifier["temperature"]),
        segmenter_architecture=dict(segmenter["architecture"]),
        segmenter_size=int(segmenter["size"]),
        mask_threshold=float(segmenter["threshold"]),
        min_area_fraction=float(segmenter["min_area_fraction"]),
        distance_threshold=float(card["accept"]["distance_threshold"]),
        sha256={name: str(entry["sha256"]) for name, entry in card["files"].items()},
    )
