"""A release: a folder with the networks' weights and graphs, and the card that describes them."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.engine.certainty import Knots

RELEASES = Path(__file__).resolve().parent.parent / "releases"
CARD = "card.json"
CLASSES = ("glioma", "meningioma", "pituitary", "no_tumor")


class ReleaseError(RuntimeError):
    """The release cannot be used. Codes: release_missing, release_corrupt,
    device_missing (torch_backend.py)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Segmenter:
    """A network of its own for outlines."""

    architecture: dict[str, Any]
    size: int


@dataclass(frozen=True)
class Gate:
    """A network of its own that knows a slice of a head; what it says less than `threshold` of is
    refused (a logit)."""

    architecture: dict[str, Any]
    size: int
    threshold: float


@dataclass(frozen=True)
class Release:
    """The part of a release's card that reading a slice needs.

    `classifiers` are one network or several of one architecture, by the stems of their files; where
    there is no segmenter, they outline as well. Sizes are the side of the square that the networks
    take, in pixels. `min_area_fraction` is the smallest part worth outlining, as a share of that
    square. Cards of joint networks also have what older ones lack: `set_threshold`, the probability
    from which a class is possible (training's conformal.py), `dice_knots` (certainty.py), and
    `outer_level`, the probability down to which there may be tumour. A release without a gate
    compares the classifier's features with those of real slices: `distance_threshold`.
    """

    folder: Path
    name: str
    classifiers: tuple[str, ...]
    classifier_architecture: dict[str, Any]
    classifier_size: int
    temperature: float
    segmenter: Segmenter | None
    mask_threshold: float
    min_area_fraction: float
    gate: Gate | None
    distance_threshold: float | None
    sha256: dict[str, str]
    set_threshold: float | None = None
    dice_knots: Knots | None = None
    outer_level: float | None = None

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
    joint = card.get("joint")
    classifier, outliner = (joint, joint) if joint else (card["classifier"], card["segmenter"])
    accept = card["accept"]
    gated = "distance_threshold" not in accept
    return Release(
        folder=folder,
        name=str(card["name"]),
        classifiers=tuple(joint["members"]) if joint else ("classifier",),
        classifier_architecture=dict(classifier["architecture"]),
        classifier_size=int(classifier["size"]),
        temperature=float(classifier["temperature"]),
        segmenter=None if joint else Segmenter(dict(outliner["architecture"]), outliner["size"]),
        mask_threshold=float(outliner["threshold"]),
        min_area_fraction=float(outliner["min_area_fraction"]),
        gate=_gate(accept) if gated else None,
        distance_threshold=None if gated else float(accept["distance_threshold"]),
        sha256={name: str(entry["sha256"]) for name, entry in card["files"].items()},
        set_threshold=float(joint["set_threshold"]) if joint else None,
        dice_knots=tuple((low, high) for low, high in joint["dice_knots"]) if joint else None,
        outer_level=float(joint["outer_level"]) if joint else None,
    )


def _gate(accept: dict[str, Any]) -> Gate:
    return Gate(dict(accept["architecture"]), int(accept["size"]), float(accept["threshold"]))
