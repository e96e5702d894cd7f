"""The releases that are installed here, and which one reads when nobody asks for another."""

import json
from pathlib import Path
from typing import Any, TypedDict

from django.conf import settings

from backend.api.errors import ApiError
from inference import cards
from inference.engine import release as engine_release
from inference.engine.release import CARD, Release, ReleaseError, find_release


class Installed(TypedDict):
    """A release, and what its card says."""

    name: str
    active: bool
    created: str | None
    classifier: str | None
    segmenter: str | None
    accuracy: float | None
    dice: float | None
    set_threshold: float | None


def all_installed() -> list[Installed]:
    """Every release that can be asked for, the active one first, then the newest."""
    active = _active()
    found = {release.name: release for release in [*_others(), *([active] if active else [])]}
    names = sorted(found, key=lambda name: (active is not None and name == active.name, name))
    return [_described(found[name], active) for name in reversed(names)]


def checked(name: str) -> str:
    """Return the name of an installed release, or nothing for the active one.

    Raises:
        ApiError: `unknown_release`.
    """
    if name and _folder_of(name) is None:
        message = "There is no release of this name here: see the list of releases."
        raise ApiError("unknown_release", message, field="release")
    return name


def folder(name: str) -> Path:
    """Where a release lies; without a name, the active one.

    Raises:
        ReleaseError: `release_missing`, `release_corrupt`.
    """
    if not name:
        return find_release(settings.FALX_RELEASE or None).folder
    found = _folder_of(name)
    if found is None:
        raise ReleaseError("release_missing", f"Release {name} is not installed any more.")
    return found


def _folder_of(name: str) -> Path | None:
    active = _active()
    known = [*_others(), *([active] if active else [])]
    return next((release.folder for release in known if release.name == name), None)


def _active() -> Release | None:
    try:
        return find_release(settings.FALX_RELEASE or None)
    except ReleaseError:
        return None


def _others() -> list[Release]:
    found = []
    for card in sorted(engine_release.RELEASES.glob(f"*/{CARD}")):
        try:
            found.append(find_release(card.parent))
        except ReleaseError:
            continue  # it cannot be asked for
    return found


def _described(release: Release, active: Release | None) -> Installed:
    card: dict[str, Any] = json.loads((release.folder / CARD).read_text(encoding="utf-8"))
    accuracy, dice = cards.accuracy(card, *cards.HOME), cards.dice(card, *cards.HOME)
    classifier, segmenter = cards.networks(card)
    return Installed(
        name=release.name,
        active=active is not None and release.name == active.name,
        created=card.get("created"),
        classifier=classifier,
        segmenter=segmenter,
        accuracy=accuracy.share if accuracy else None,
        dice=dice.share if dice else None,
        set_threshold=release.set_threshold,
    )
