"""How far an outline can be trusted: the Dice to be expected of it, and how much more there may be.

Both come from the tumour probabilities of its own pixels; what these are worth was found out on
validation slices and stands in the release's card.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Knots = Sequence[tuple[float, float]]
"""(mean probability inside the outline, expected Dice), both rising; straight lines between."""


@dataclass(frozen=True)
class Trust:
    """What an outline is worth. outer: bool (H, W), it and wherever else the tumour may reach."""

    expected_dice: float
    outer: npt.NDArray[np.bool_]


def trust(
    shares: npt.NDArray[np.floating], mask: npt.NDArray[np.bool_], knots: Knots, outer_level: float
) -> Trust | None:
    """Judge a mask (H, W) by the tumour probability (H, W) of its pixels; None for an empty one.

    outer_level: the probability down to which there may be tumour.
    """
    share = mean_share(shares, mask)
    if share is None:
        return None
    return Trust(expected_dice(share, knots), mask | (shares >= outer_level))


def mean_share(shares: npt.NDArray[np.floating], mask: npt.NDArray[np.bool_]) -> float | None:
    """Mean tumour probability (H, W) inside the mask (H, W); None for an empty mask."""
    return float(shares[mask].mean()) if mask.any() else None


def expected_dice(share: float, knots: Knots) -> float:
    """Dice that outlines of this mean probability had on validation slices."""
    places, values = zip(*knots, strict=True)
    return float(np.interp(share, places, values))


def fit_knots(shares: npt.NDArray[np.floating], dice: npt.NDArray[np.floating]) -> Knots:
    """Knots for `expected_dice` from the mean probabilities (N,) and Dice (N,) of outlines.

    Isotonic regression (Barlow et al. 1972) of the means of up to ten equally large groups: never
    less is expected of an outline that is surer. Nothing is known from fewer than ten outlines:
    their mean Dice is expected of all.
    """
    if len(shares) < _GROUPS:
        mean = float(dice.mean()) if len(dice) else 0.0
        return ((0.0, mean), (1.0, mean))
    groups = np.array_split(np.argsort(shares, kind="stable"), _GROUPS)
    blocks: list[list[float]] = []  # [mean Dice, groups]
    for group in groups:
        blocks.append([float(dice[group].mean()), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (low, few), (high, more) = blocks.pop(-2), blocks.pop()
            blocks.append([(low * few + high * more) / (few + more), few + more])
    rising = np.repeat([mean for mean, _ in blocks], [int(count) for _, count in blocks])
    places = [float(shares[group].mean()) for group in groups]
    return tuple(zip(places, map(float, rising), strict=True))


_GROUPS = 10
