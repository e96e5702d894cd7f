"""`python -m inference.engine read FILE... --out DIR`: one JSON object per file, in order.

A folder gives one for each DICOM series in it.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.engine.engine import Engine
from inference.engine.reading import Reading, SeriesReading
from inference.engine.release import ReleaseError
from inference.engine.wholes import Whole, is_nifti, number_of_frames, objects, save_like, volume
from scans.decoding import DecodeError

_LONGEST_STEM = 80  # characters of a file's name kept in the names of its pictures
_UNUSABLE = 2  # exit status when nothing could be read at all, as argparse has it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        engine = Engine.load(options.release, options.device)
    except (ReleaseError, OSError) as error:
        sys.stderr.write(f"falx: {error}\n")
        return _UNUSABLE
    return _read(options.files, options.out, engine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference.engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    read = commands.add_parser("read", help="read slices: PNG, JPEG, DICOM; series: NIfTI, DICOM")
    read.add_argument("files", nargs="+", metavar="FILE", help="or a folder of DICOM files")
    read.add_argument("--out", type=Path, required=True, metavar="DIR", help="where pictures go")
    read.add_argument("--release", type=Path, metavar="DIR", help="a release's folder")
    read.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser


def _read(files: Sequence[str], out: Path, engine: Engine) -> int:
    status = 0
    names = _Names()
    bar = tqdm(files, unit="slice", file=sys.stderr, disable=not sys.stderr.isatty())
    for file in bar:
        for line in _lines(file, out, names, engine):
            status = 1 if "error" in line else status
            # A line is complete as soon as its slice is: whoever reads along need not wait.
            tqdm.write(_json(line), file=sys.stdout)
            sys.stdout.flush()
    return status


def _lines(file: str, out: Path, names: "_Names", engine: Engine) -> Iterator[dict[str, Any]]:
    """Read whatever a name stands for; what cannot be read is a line too."""
    try:
        if Path(file).is_dir():
            inside = sorted(path for path in Path(file).rglob("*") if path.is_file())
            yield from _read_objects(file, inside, out, names, engine)
            return
        data = Path(file).read_bytes()
        if is_nifti(data):
            yield _read_whole(file, volume(data), out / names.unused(file), engine, like=data)
        elif number_of_frames(data) > 1:
            yield from _read_objects(file, [Path(file)], out, names, engine)
        else:
            yield _read_one(file, data, out / names.unused(file), engine)
    except (DecodeError, OSError) as error:
        yield _failed(file, error)


def _read_objects(
    file: str, inside: Sequence[Path], out: Path, names: "_Names", engine: Engine
) -> Iterator[dict[str, Any]]:
    """Read each series of some DICOM files; a damaged file costs only itself."""
    series, damaged = objects(inside)
    for path, error in damaged.items():
        yield _failed(str(path), error)
    for whole in series:
        yield _read_whole(file, whole, out / names.unused(file), engine)


def _read_whole(
    file: str, whole: Whole, target: Path, engine: Engine, *, like: bytes | None = None
) -> dict[str, Any]:
    """Read a series. like: the NIfTI file on whose grid its mask is written."""
    reading = engine.read_series(whole.slices, spacing_between_mm=whole.between_mm)
    pictures = {"overlay": reading.overlay, "heatmap": reading.heatmap}
    slices = [
        {"index": index, **name, **asdict(found)}
        for index, (name, found) in enumerate(zip(whole.names, reading.slices, strict=True))
    ]
    return {
        "file": file,
        "series": whole.series_uid,
        "accepted": reading.accepted,
        "reasons": [asdict(reason) for reason in reading.reasons],
        "label": reading.label,
        "probabilities": reading.probabilities,
        "possible_labels": reading.possible_labels,
        "mask": _saved_volume(reading, target, like) if reading.accepted else None,
        **{
            kind: None if picture is None else _saved(picture, f"{target}.{kind}.png")
            for kind, picture in pictures.items()
        },
        "measurements": reading.measurements,
        "slices": slices,
        "elapsed_ms": reading.elapsed_ms,
        "release": reading.release,
    }


def _saved_volume(reading: SeriesReading, target: Path, like: bytes | None) -> str:
    """Write the mask of all slices: NIfTI for NIfTI, else an npz with `mask`."""
    mask = reading.mask_volume()
    if like is None:
        path = f"{target}.mask.npz"
        np.savez_compressed(path, mask=mask)
    else:
        path = f"{target}.mask.nii.gz"
        save_like(like, mask, Path(path))
    return path


def _read_one(file: str, data: bytes, target: Path, engine: Engine) -> dict[str, Any]:
    reading = engine.read_file(data)
    return {
        "file": file,
        "accepted": reading.accepted,
        "reasons": [asdict(reason) for reason in reading.reasons],
        "label": reading.label,
        "probabilities": reading.probabilities,
        "possible_labels": reading.possible_labels,
        **_pictures(reading, target),
        "measurements": reading.measurements,
        "elapsed_ms": reading.elapsed_ms,
        "release": reading.release,
    }


def _pictures(reading: Reading, target: Path) -> dict[str, str | None]:
    mask = None if reading.mask is None else reading.mask.astype(np.uint8) * 255
    pictures = {"mask": mask, "overlay": reading.overlay, "heatmap": reading.heatmap}
    return {
        kind: None if picture is None else _saved(picture, f"{target}.{kind}.png")
        for kind, picture in pictures.items()
    }


def _saved(picture: npt.NDArray[np.uint8], path: str) -> str:
    """Write grey or RGB pixels as a PNG."""
    bgr = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", bgr)
    Path(path).write_bytes(encoded.tobytes())
    return path


class _Names:
    """Gives each file's pictures a name of their own in one flat folder."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unused(self, file: str) -> str:
        """Return the file's stem, made safe for any file system and different from all before."""
        stem = Path(file).stem.removesuffix(".nii")  # of .nii.gz
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem)
        stem = stem.encode("utf-8", "replace").decode().lstrip(".")[:_LONGEST_STEM] or "slice"
        name, number = stem, 1
        # Some file systems do not tell upper from lower case.
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.casefold())
        return name


def _failed(file: str, error: DecodeError | OSError) -> dict[str, Any]:
    if isinstance(error, DecodeError):
        code, message = error.code, error.message
    elif isinstance(error, FileNotFoundError):
        code, message = "file_not_found", "There is no such file."
    else:
        reason = os.strerror(error.errno or 0)
        code, message = "file_unreadable", f"The file cannot be opened: {reason}."
    return {"file": file, "error": {"code": code, "message": message}}


def _json(line: dict[str, Any]) -> str:
    # ASCII only: a name that is not UTF-8 survives as an escaped surrogate, on any terminal.
    return json.dumps(line, allow_nan=False)
