"""What a release's card says of how well its models did."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from inference.engine.release import CARD, RELEASES


@dataclass(frozen=True)
class Score:
    """A share, 0 to 1, and of how many slices."""

    share: float
    slices: int


@dataclass(frozen=True)
class Card:
    """Of a release; what its card does not say is None."""

    name: str
    created: str
    home_accuracy: Score | None
    other_accuracy: Score | None
    dice: Score | None


@cache
def card_of(release: str) -> Card:
    """Return what is known of the release that made a reading; it may be installed no longer."""
    # Compared with what is there, not joined to a path: a name in the database opens no file.
    installed = {path.parent.name: path for path in RELEASES.glob(f"*/{CARD}")}
    card = json.loads(installed[release].read_text("utf-8")) if release in installed else {}
    metrics = card.get("metrics", {})
    return Card(
        name=release,
        created=str(card.get("created", ""))[:10],
        home_accuracy=_score(metrics, "classifier", "home", "accuracy"),
        other_accuracy=_score(metrics, "classifier", "other_scanners", "accuracy"),
        dice=_score(metrics, "segmenter", "home", "dice"),
    )


def _score(metrics: dict[str, Any], model: str, group: str, metric: str) -> Score | None:
    found = metrics.get(model, {}).get("groups", {}).get(group, {})
    slices = found.get("tumor_slices" if metric == "dice" else "slices")
    if found.get(metric) is None or slices is None:
        return None
    return Score(found[metric], slices)
