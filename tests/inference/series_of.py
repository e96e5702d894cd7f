"""Tiny series of real slices: a glioma over a few of them, filed and settled as a hospital's."""

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from patients.models import Patient
from scans.decoding import decode
from scans.models import Series
from scans.series.services import file_instance, settle
from tests.samples import sample
from tests.series.make import as_bytes, make_series

SIDE = 256


def series_of(*kinds: str, between: float = 5.0, **changes: Any) -> list[Dataset]:
    """Return an axial series whose slices show what these samples do; "" is an empty one."""
    pictures = [picture(kind) for kind in kinds]
    made = make_series(slices=len(kinds), rows=SIDE, columns=SIDE, between=between, **changes)
    for dataset, pixels in zip(made, pictures, strict=True):
        dataset.PixelData = pixels.tobytes()
        dataset.WindowCenter, dataset.WindowWidth = 127.5, 256
    return made


@cache
def picture(kind: str) -> npt.NDArray[np.uint16]:
    if not kind:
        return np.zeros((SIDE, SIDE), np.uint16)
    pixels = decode(sample(kind).read_bytes()).pixels
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    scale = SIDE / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    square = np.zeros((SIDE, SIDE), np.uint16)
    square[: small.shape[0], : small.shape[1]] = small
    return square


def filed(patient: Patient, datasets: list[Dataset]) -> Series:
    """File the objects and settle their series."""
    for dataset in datasets:
        instance = file_instance(patient=patient, data=as_bytes(dataset)).instance
    return settle(instance.series)
