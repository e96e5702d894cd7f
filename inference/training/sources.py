"""The five sets of slices that training reads, each behind the same two questions.

`list_slices` says which slices there are and which fold and split each belongs to; `load` gives the
pixels and the mask of one of them. The layout of each set is described in docs/training.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine.release import CLASSES as CLASSES
from scans.decoding import decode, decode_volume
from scans.decoding.volume import read_volume

FIGSHARE = "figshare"
NO_TUMOR = "no_tumor"
OTHER_SCANNERS = "other_scanners"
GBM_VOLUMES = "gbm_volumes"
HEALTHY_HEAD = "dicom_t1w"
SOURCES = (FIGSHARE, NO_TUMOR, OTHER_SCANNERS, GBM_VOLUMES)
FOLDS = 5
TEST_ONLY = -1  # the fold of slices that no split trains on


class DataError(Exception):
    """The data folder is missing or not what it should be; the message says what and where."""


@dataclass(frozen=True)
class SliceRecord:
    """One slice: where it is, what it shows, and on which side of each split it stands.

    `patient` is empty where a set has none. `fold` never separates one patient's slices.
    `slice_split` is train, val or test, drawn by slice; the two sets without one (other_scanners,
    gbm_volumes) use fold 0 as their test part. `image` and `mask` are relative to the data folder;
    `index` is the slice of a volume, -1 for a picture.
    """

    source: str
    image: str
    mask: str
    index: int
    label: str
    patient: str
    plane: str
    fold: int
    slice_split: str


def list_slices(data: Path) -> list[SliceRecord]:
    """Every slice of the four sets under `data`, always in the same order.

    Raises DataError naming the first thing that is missing.
    """
    for source in SOURCES:
        if not (data / source).is_dir():
            raise DataError(
                f"No {source} folder in {data}. Give the data folder with --data or FALX_DATA; "
                "docs/training.md says what it holds."
            )
    pictures = [r for s in (FIGSHARE, NO_TUMOR, OTHER_SCANNERS) for r in _pictures(data, s)]
    return [*pictures, *_volume_slices(data), *_healthy_head(data)]


def load(data: Path, record: SliceRecord) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Pixels (H, W) or (H, W, 3) as a viewer shows them, and the tumour's mask (H, W).

    A slice without a tumour has an empty mask. Raises DataError if the two differ in size.
    """
    if record.source == GBM_VOLUMES:
        pixels, volume_mask = _volume(data / record.image, data / record.mask)
        return pixels[record.index], volume_mask[record.index]
    image = decode((data / record.image).read_bytes()).pixels
    if not record.mask:
        return image, np.zeros(image.shape[:2], bool)
    stored = cv2.imread(str(data / record.mask), cv2.IMREAD_GRAYSCALE)
    if stored is None or stored.shape != image.shape[:2]:
        raise DataError(f"{record.mask} is not a mask of {record.image}'s size")
    return image, np.asarray(stored > 0)


def _pictures(data: Path, source: str) -> Iterator[SliceRecord]:
    index = data / source / "index.csv"
    if not index.is_file():
        raise DataError(f"No {index}: each picture set is described by its index.csv")
    with index.open(newline="") as file:
        for row in csv.DictReader(file):
            fold = int(row["fold"])
            yield SliceRecord(
                source=source,
                image=f"{source}/{row['image']}",
                mask=f"{source}/{row['mask']}" if row.get("mask") else "",
                index=-1,
                label=row["label"],
                patient=row.get("patient", ""),
                plane=row.get("plane", ""),
                fold=fold,
                slice_split=row.get("slice_split") or _split_of_fold(fold),
            )


def _volume_slices(data: Path) -> Iterator[SliceRecord]:
    """The volumes' slices: with tumour they are gliomas, without they are `no_tumor`."""
    images = sorted((data / GBM_VOLUMES).glob("*_t1ce.nii.gz"))
    if not images:
        raise DataError(f"No *_t1ce.nii.gz in {data / GBM_VOLUMES}")
    patients = sorted({image.name.split("_")[0] for image in images}, reverse=True)
    folds = {patient: place % FOLDS for place, patient in enumerate(patients)}
    for image in images:
        mask = image.with_name(image.name.replace("_t1ce", "_mask"))
        if not mask.is_file():
            raise DataError(f"No {mask} beside {image.name}")
        pixels, masks = _volume(image, mask)
        patient = image.name.split("_")[0]
        for index in range(len(pixels)):
            if not pixels[index].any():
                continue  # blank padding
            yield SliceRecord(
                source=GBM_VOLUMES,
                image=f"{GBM_VOLUMES}/{image.name}",
                mask=f"{GBM_VOLUMES}/{mask.name}",
                index=index,
                label="glioma" if masks[index].any() else "no_tumor",
                patient=patient,
                plane="ax",
                fold=folds[patient],
                slice_split=_split_of_fold(folds[patient]),
            )


def _healthy_head(data: Path) -> Iterator[SliceRecord]:
    """One healthy head, a series of DICOM files: only ever a test, and left out where missing."""
    for file in sorted((data / HEALTHY_HEAD).glob("*.dcm")):
        yield SliceRecord(
            source=HEALTHY_HEAD,
            image=f"{HEALTHY_HEAD}/{file.name}",
            mask="",
            index=-1,
            label="no_tumor",
            patient=HEALTHY_HEAD,
            plane="",
            fold=TEST_ONLY,
            slice_split="test",
        )


def _split_of_fold(fold: int) -> str:
    return "test" if fold == 0 else "train"


@lru_cache(maxsize=4)
def _volume(image: Path, mask: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A volume and its mask as (slices, rows, columns), as serving cuts and shows volumes."""
    slices = decode_volume(image, axis=2).slices
    masks = read_volume(mask, axis=2).values > 0
    if slices.shape != masks.shape:
        raise DataError(f"{mask.name} has another shape than {image.name}")
    return slices, masks
