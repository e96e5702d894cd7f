"""A data folder laid out like the real one, made of the few real slices in `samples/`."""

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from tests.samples import SAMPLES

TUMORS = ("glioma", "meningioma", "pituitary")
SPLITS = ("train", "val", "test")


def make_data(folder: Path) -> Path:
    """Every slice stands once on each side of the split: enough to run, not to judge."""
    shutil.copytree(SAMPLES, folder / "figshare", dirs_exist_ok=True)
    shutil.copytree(SAMPLES, folder / "no_tumor")
    shutil.copytree(SAMPLES, folder / "other_scanners")
    tumors = [f"{label}_{number}" for label in TUMORS for number in (1, 2)]
    _write_index(
        folder / "figshare",
        [
            {
                "image": f"{name}.jpg",
                "mask": f"masks/{name}.png",
                "label": name.split("_")[0],
                # P14 is by its hash a patient to validate on, in every fold that does not test it.
                "patient": "P14" if name == "meningioma_1" else f"P{tumors.index(name)}",
                "fold": tumors.index(name) % 5,
                "slice_split": split,
            }
            for name in tumors
            for split in SPLITS
        ],
    )
    _write_index(
        folder / "no_tumor",
        [
            {
                "image": f"no_tumor_{number}.jpg",
                "label": "no_tumor",
                "plane": "ax",
                "fold": number,
                "slice_split": split,
            }
            for number in (1, 2)
            for split in SPLITS
        ],
    )
    _write_index(
        folder / "other_scanners",
        [
            {
                "image": f"meningioma_{number}.jpg",
                "mask": f"masks/meningioma_{number}.png",
                "label": "meningioma",
                "plane": "ax",
                "look_alike_group": number,
                "fold": number - 1,
            }
            for number in (1, 2)
        ],
    )
    for patient in ("patient01", "patient02"):
        make_volume(folder / "gbm_volumes", patient)
    return folder


def make_volume(folder: Path, patient: str) -> None:
    """Three slices: a glioma, no tumour, blank padding; stored with x first, as NIfTI does."""
    folder.mkdir(exist_ok=True)
    ill = Image.open(SAMPLES / "glioma_1.jpg").convert("L")
    outline = Image.open(SAMPLES / "masks/glioma_1.png").convert("1")
    healthy = Image.open(SAMPLES / "no_tumor_1.jpg").convert("L").resize(ill.size)
    blank = Image.new("L", ill.size)
    for kind, slices, white in (
        ("t1ce", [ill, healthy, blank], 12),
        ("mask", [outline] + 2 * [blank], 1),
    ):
        volume = np.stack([np.asarray(own, np.int16) * white for own in slices]).transpose(2, 1, 0)
        nibabel.save(
            nibabel.Nifti1Image(volume, np.diag([-1.0, -1.0, 1.0, 1.0])),
            folder / f"{patient}_{kind}.nii.gz",
        )


def _write_index(folder: Path, rows: list[dict[str, object]]) -> None:
    with (folder / "index.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
