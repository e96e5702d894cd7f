"""From stored values to the 8-bit grey a viewer would show."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PERCENTILES = (0.1, 99.9)
_SAMPLE = 1_000_000  # values are enough to place a percentile, however large the picture


@dataclass(frozen=True)
class Levels:
    """The values, after rescaling, that are shown as black and as white."""

    black: float
    white: float


def levels_of(known: npt.NDArray[np.float32]) -> Levels | None:
    """Return levels between which the middle 99.8 % of the values lie; None if all are the same.

    known: (N,) finite values of one picture, or of a whole series.
    """
    if known.size == 0:
        return None
    sample = known[:: max(1, known.size // _SAMPLE)]
    low, high = (float(x) for x in np.percentile(sample, _PERCENTILES))
    if high <= low:
        # A few bright pixels on an even ground, or nothing at all.
        low, high = float(known.min()), float(known.max())
    return Levels(low, high) if high > low else None


def percentile_window(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], levels: Levels | None = None
) -> npt.NDArray[np.uint8]:
    """Stretch (H, W) values between `levels`, or between percentiles of their own.

    Used where a file of more than 8 bits does not say how it wants to be shown. Pixels that are
    not valid (padding, NaN) become black.
    """
    levels = levels or levels_of(values[valid])
    if levels is None:
        return np.zeros(values.shape, np.uint8)
    return to_grey((values - levels.black) / (levels.white - levels.black), valid)


def to_grey(shares: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Turn (H, W) shares of full white into 8 bits; what is not valid becomes black."""
    grey = np.clip(np.where(valid, shares, 0), 0, 1) * 255
    return np.rint(grey).astype(np.uint8)
