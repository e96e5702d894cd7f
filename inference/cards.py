"""How well a release's networks did, by its card: of two networks, or of joint ones."""

from typing import Any, NamedTuple

# Of slices like those of the training. Outlines of joint networks have no group of that name: all
# of these slices that show a tumour are of one set.
HOME = ("home", "figshare")
_PARTS = {"class": ("classifier", "classes"), "outline": ("segmenter", "outlines")}


class Score(NamedTuple):
    """A share, 0 to 1, and of how many slices."""

    share: float
    slices: int


def accuracy(card: dict[str, Any], *groups: str) -> Score | None:
    """Of the four classes, in the first of these groups that the card has."""
    return _score(card, "class", groups, "accuracy", "slices")


def dice(card: dict[str, Any], *groups: str) -> Score | None:
    """Mean over the slices with a tumour."""
    return _score(card, "outline", groups, "dice", "tumor_slices")


def networks(card: dict[str, Any]) -> tuple[str | None, str | None]:
    """What says the class, and what outlines: the same in joint networks."""
    if joint := inner(card, "joint", "architecture").get("joint"):
        return joint, joint
    classifier = inner(card, "classifier", "architecture").get("name")
    return classifier, inner(card, "segmenter", "architecture").get("encoder")


def inner(card: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        found = card.get(name)
        card = found if isinstance(found, dict) else {}
    return card


def _score(
    card: dict[str, Any], part: str, groups: tuple[str, ...], metric: str, slices: str
) -> Score | None:
    of = _PARTS[part]["joint" in card]
    for group in groups:
        found = inner(card, "metrics", of, "groups", group)
        if found.get(metric) is not None and found.get(slices) is not None:
            return Score(found[metric], found[slices])
    return None
