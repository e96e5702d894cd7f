"""The small picture that lists and phones show."""

from io import BytesIO

import numpy as np
from PIL import Image

MAX_SIDE_PX = 512


def preview_png(pixels: np.ndarray) -> bytes:
    """Return a PNG of at most 512 px a side.

    Args:
        pixels: uint8, (H, W) grey or (H, W, 3) RGB.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
