"""From stored values to the 8-bit grey a viewer would show."""

import numpy as np
import numpy.typing as npt

_WINDOW_PERCENTILES = (0.1, 99.9)
_SAMPLE = 1_000_000  # values are enough to place a percentile, however large the picture


def percentile_window(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """Stretch (H, W) values so that the middle 99.8 % of the valid ones span black to white.

    Used where a file of more than 8 bits does not say how it wants to be shown. Pixels that are
    not valid (padding, NaN) become black.
    """
    known = values[valid]
    if known.size == 0:
        return np.zeros(values.shape, np.uint8)
    sample = known[:: max(1, known.size // _SAMPLE)]
    low, high = (float(x) for x in np.percentile(sample, _WINDOW_PERCENTILES))
    if high <= low:
        # A few bright pixels on an even ground, or nothing at all.
        low, high = float(known.min()), float(known.max())
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return to_grey((values - low) / (high - low), valid)


def to_grey(shares: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Turn (H, W) shares of full white into 8 bits; what is not valid becomes black."""
    grey = np.clip(np.where(valid, shares, 0), 0, 1) * 255
    return np.rint(grey).astype(np.uint8)
