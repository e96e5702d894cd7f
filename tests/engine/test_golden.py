"""What the networks are shown stays what it was: every release was trained on such pictures.

The pictures in `golden` are what `prepare` made of the samples. Where another outcome is meant, all
releases must be trained anew; then `python -m tests.engine.test_golden` renews them.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference.engine.preprocess import prepare
from scans.decoding import decode
from tests.samples import SAMPLES

GOLDEN = Path(__file__).resolve().parent / "golden"
NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix in (".jpg", ".dcm"))
SIZE = 256  # as the networks see it
STEP = 4  # kept are means of 4 x 4 pixels: 64 x 64
# Grey levels of these means. Another build of OpenCV or of the JPEG decoder may round levels up
# where this one rounds down, which moves them by half a level; half a pixel moves some by 24.
MEAN, LARGEST = 0.5, 2.5

Grey = npt.NDArray[np.float32]


def shown(name: str) -> Grey:
    """What the networks are shown of a sample: (256, 256), 0..255."""
    return prepare(decode((SAMPLES / name).read_bytes()).pixels).resized(SIZE)[0, 0] * 255


def shrunk(picture: Grey) -> Grey:
    return picture.reshape(SIZE // STEP, STEP, SIZE // STEP, STEP).mean(axis=(1, 3))


def is_golden(picture: Grey, name: str) -> bool:
    golden = cv2.imread(str(GOLDEN / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    assert golden is not None
    difference = np.abs(shrunk(picture) - golden)
    return float(difference.mean()) <= MEAN and float(difference.max()) <= LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_prepared_as_for_training(name: str) -> None:
    assert is_golden(shown(name), name)


@pytest.mark.parametrize("name", NAMES)
def test_half_a_pixel_or_two_percent_of_brightness_would_be_noticed(name: str) -> None:
    picture = shown(name)
    for right, down in ((0.5, 0), (0, 0.5)):
        move = np.array([[1, 0, right], [0, 1, down]], np.float32)
        moved = cv2.warpAffine(picture, move, (SIZE, SIZE))
        assert not is_golden(np.asarray(moved, np.float32), name)
    assert not is_golden(picture * np.float32(0.98), name)
    rounding = np.random.default_rng(0).integers(-1, 2, picture.shape)
    assert is_golden((picture + rounding).clip(0, 255).astype(np.float32), name)


def renew() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name in NAMES:
        grey = np.rint(shrunk(shown(name))).astype(np.uint8)
        cv2.imwrite(str(GOLDEN / f"{name}.png"), grey, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    renew()
