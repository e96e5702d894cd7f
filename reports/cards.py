"""What a release's card says of how well its models did."""

import json
from dataclasses import dataclass
from functools import cache

from inference.cards import HOME, Score, accuracy, dice
from inference.engine.release import CARD, RELEASES


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
    return Card(
        name=release,
        created=str(card.get("created", ""))[:10],
        home_accuracy=accuracy(card, *HOME),
        other_accuracy=accuracy(card, "other_scanners"),
        dice=dice(card, *HOME),
    )
