"""Step one: every slice decoded and prepared once, exactly as serving does it.

The output folder holds `images.npy` and `masks.npy` (uint8, (N, SIZE, SIZE); masks are 0..255, the
share of tumour in each pixel), `slices.csv` (row i describes slice i) and `prepared.json`.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine import preprocess
from inference.training.sources import SliceRecord, list_slices, load

SIZE = 256
_IMAGES, _MASKS, _TABLE, _STAMP = "images.npy", "masks.npy", "slices.csv", "prepared.json"


@dataclass(frozen=True)
class PreparedData:
    """The prepared slices; the arrays are memory-mapped, read-only."""

    records: list[SliceRecord]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


def prepare_data(data: Path, out: Path, size: int = SIZE) -> bool:
    """Prepare all slices under `data` into `out`; False if `out` already holds just that.

    Raises DataError if `data` is not a data folder.
    """
    records = list_slices(data)
    stamp = {"size": size, "slices": len(records), "inputs": _fingerprint(data, records)}
    stamp_file = out / _STAMP
    if stamp_file.is_file() and json.loads(stamp_file.read_text()) == stamp:
        return False
    out.mkdir(parents=True, exist_ok=True)
    stamp_file.unlink(missing_ok=True)  # what is half overwritten is no longer prepared
    shape = (len(records), size, size)
    images = np.lib.format.open_memmap(out / _IMAGES, "w+", np.uint8, shape)
    masks = np.lib.format.open_memmap(out / _MASKS, "w+", np.uint8, shape)
    for place, record in enumerate(tqdm(records, desc="prepare", unit="slice")):
        images[place], masks[place] = prepare_slice(*load(data, record), size)
    images.flush()
    masks.flush()
    _write_table(out / _TABLE, records)
    stamp_file.write_text(json.dumps(stamp, indent=2))
    return True


def prepare_slice(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One slice and its mask through the engine's preprocessing: two uint8 (size, size)."""
    prepared = preprocess.prepare(pixels)
    square = prepared.crop(mask.astype(np.uint8) * 255)
    # INTER_AREA averages when it shrinks: a pixel on the outline keeps its share of tumour.
    resized = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)
    return picture_of(prepared, size), np.asarray(resized, np.uint8)


def picture_of(prepared: preprocess.Prepared, size: int) -> NDArray[np.uint8]:
    """What a network is shown of a prepared slice, as it is kept: uint8 (size, size)."""
    return np.rint(prepared.resized(size)[0, 0] * 255).astype(np.uint8)


def read_prepared(folder: Path) -> PreparedData:
    """What `prepare_data` wrote. Raises FileNotFoundError if it has not finished there."""
    if not (folder / _STAMP).is_file():
        raise FileNotFoundError(f"{folder} holds no prepared slices: run the prepare step first")
    with (folder / _TABLE).open(newline="") as file:
        records = [_record(row) for row in csv.DictReader(file)]
    return PreparedData(
        records=records,
        images=np.load(folder / _IMAGES, mmap_mode="r"),
        masks=np.load(folder / _MASKS, mmap_mode="r"),
    )


def _record(row: dict[str, str]) -> SliceRecord:
    numbers = {field.name for field in fields(SliceRecord) if field.type == "int"}
    values: dict[str, Any] = {k: int(v) if k in numbers else v for k, v in row.items()}
    return SliceRecord(**values)


def _fingerprint(data: Path, records: list[SliceRecord]) -> str:
    """Changes when a slice, a file's size or time, or the preprocessing itself changes."""
    digest = hashlib.sha256(inspect.getsource(preprocess).encode())
    for record in records:
        digest.update(repr(record).encode())
        for name in filter(None, (record.image, record.mask)):
            status = (data / name).stat()
            digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _write_table(path: Path, records: list[SliceRecord]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(SliceRecord)])
        table.writeheader()
        table.writerows(asdict(record) for record in records)
