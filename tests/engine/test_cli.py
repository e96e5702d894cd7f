"""`python -m inference.engine read`: a line per file, pictures on disk, an honest exit status."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from inference.engine.cli import main
from tests.inference.series_of import picture, series_of
from tests.samples import SAMPLES, sample
from tests.series.make import as_bytes, make_enhanced

KEYS = [
    "file",
    "accepted",
    "reasons",
    "label",
    "probabilities",
    "possible_labels",
    "mask",
    "overlay",
    "heatmap",
    "measurements",
    "elapsed_ms",
    "release",
]
ROOT = SAMPLES.parent


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run the command; returns (exit status, parsed lines). Pictures go to tmp_path / out."""

    def run(*files: str | Path) -> tuple[int, list[dict[str, Any]]]:
        status = main(["read", *(str(file) for file in files), "--out", str(tmp_path / "out")])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_slice_gives_one_line_with_every_key_and_its_pictures(read: Any) -> None:
    path = sample("glioma")
    status, (line,) = read(path)
    assert status == 0
    assert list(line) == KEYS
    assert line["file"] == str(path)
    assert line["accepted"] is True
    assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-9)
    assert line["elapsed_ms"]["total"] >= line["elapsed_ms"]["decode"] > 0
    with Image.open(line["mask"]) as mask:
        assert mask.mode == "L"
        assert mask.size == size(path)
        assert set(np.unique(np.asarray(mask))) <= {0, 255}
    assert min(size(line["overlay"])) >= 512
    assert size(line["heatmap"]) == size(line["overlay"])


def test_a_bad_file_costs_only_itself(read: Any, tmp_path: Path) -> None:
    text, cut = tmp_path / "text.png", tmp_path / "cut.jpg"
    text.write_text("not an image at all")
    cut.write_bytes(sample("glioma").read_bytes()[:3000])
    (tmp_path / "empty.dcm").touch()
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    status, lines = read(
        sample("meningioma"),
        text,
        cut,
        tmp_path / "empty.dcm",
        tmp_path / "absent.png",
        nothing,
        sample("dicom"),
    )
    assert status == 1
    codes = [line.get("error", {}).get("code") for line in lines]
    assert codes == [
        None,
        "unsupported_format",
        "truncated_file",
        "empty_file",
        "file_not_found",
        "no_slices",
        None,
    ]
    assert list(lines[1]) == ["file", "error"]
    assert all(line["error"]["message"].endswith(".") for line in lines[1:6])


def test_a_refused_slice_is_an_answer_not_an_error(read: Any, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 30, 30)).save(tmp_path / "red.png")
    status, (line,) = read(tmp_path / "red.png")
    assert status == 0
    assert list(line) == KEYS
    assert line["accepted"] is False
    assert line["reasons"][0]["code"] == "blank_image"
    assert [line[key] for key in KEYS[3:9]] == [None] * 6
    assert not list((tmp_path / "out").iterdir())


def test_files_of_one_name_keep_their_own_pictures(read: Any, tmp_path: Path) -> None:
    paths = []
    for folder, kind in (("a", "glioma"), ("b", "meningioma"), ("c", "no_tumor")):
        (tmp_path / folder).mkdir()
        paths.append(Path(shutil.copy(sample(kind), tmp_path / folder / "Slice.jpg")))
    paths.append(Path(shutil.copy(sample("glioma"), tmp_path / "slice.jpg")))
    _, lines = read(*paths)
    masks = [line["mask"] for line in lines]
    assert len({mask.lower() for mask in masks}) == len(paths)
    assert [size(mask) for mask in masks] == [size(path) for path in paths]


def test_names_with_tricks_stay_in_the_output_folder(read: Any, tmp_path: Path) -> None:
    paths = []
    for name in ("..jpg", ".hidden.jpg", "a b;$(c)'\".jpg", "Müller 脳.jpg", "x" * 240 + ".jpg"):
        paths.append(Path(shutil.copy(sample("glioma"), tmp_path / name)))
    paths.append(tmp_path / "out" / ".." / ".hidden.jpg")
    status, lines = read(*paths)
    assert status == 0
    for line in lines:
        assert Path(line["mask"]).resolve().parent == (tmp_path / "out").resolve()
    assert len({line["mask"] for line in lines}) == len(paths)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/slice-\xff\xe9.jpg"
    Path(os.fsdecode(path)).write_bytes(sample("glioma").read_bytes())
    finished = subprocess.run(
        [sys.executable, "-m", "inference.engine", "read", path, "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    line = json.loads(finished.stdout)
    assert os.fsencode(line["file"]) == path
    assert Path(line["mask"]).is_file()
    assert finished.stderr == b""  # no progress bar where nobody watches


def test_a_missing_release_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["read", str(sample("glioma")), "--out", str(tmp_path), "--release", str(tmp_path)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no release" in captured.err


def test_reading_needs_neither_django_nor_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from inference.engine.cli import main; status = main(sys.argv[1:]);"
        "unwanted = {'django', 'celery', 'torch', 'torchvision', 'timm', 'safetensors'};"
        "sys.exit(status or ' '.join(unwanted & set(sys.modules)) or 0)"
    )
    arguments = ["read", str(sample("dicom")), "--out", str(tmp_path)]
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr


def test_a_volume_is_read_as_a_whole_and_its_mask_lies_on_its_grid(
    read: Any, tmp_path: Path
) -> None:
    volume = np.stack([picture(kind) for kind in ("no_tumor", "glioma", "glioma", "")])
    values = volume.transpose(2, 1, 0)[::-1]  # rows run to the patient's right
    affine = np.diag([-1.0, -1.0, 5.0, 1.0]) @ np.diag([-1.0, 1.0, 1.0, 1.0])
    source = nibabel.Nifti1Image(values.astype(np.int16), affine)
    source.header.set_xyzt_units("mm")
    nibabel.save(source, tmp_path / "head.nii.gz")
    status, (line,) = read(tmp_path / "head.nii.gz")
    assert status == 0
    assert (line["label"], line["measurements"]["tumor_slices"]) == ("glioma", 2)
    sides = [line["measurements"][side] for side in ("side_picture", "side_patient")]
    assert sides == ["left", "right"]  # the second is known since the volume says how it lies
    assert line["slices"][line["measurements"]["largest_slice"]]["area_mm2"] == max(
        one["area_mm2"] or 0 for one in line["slices"]
    )
    assert Path(line["mask"]).name == "head.mask.nii.gz"
    mask = nibabel.Nifti1Image.from_filename(line["mask"])
    assert np.allclose(mask.affine, source.affine)
    areas = [one["area_px"] for one in line["slices"]]
    found = np.asarray(mask.dataobj)
    assert found.sum(axis=(0, 1)).tolist() == areas
    inside = values[..., 1][found[..., 1] > 0]
    assert inside.mean() > 1.5 * values[..., 1].mean()  # on the tumour, not mirrored beside it


def test_a_folder_is_read_as_its_series_and_a_multi_frame_object_as_one(
    read: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    datasets = series_of("glioma", "glioma", "no_tumor")
    for number, dataset in enumerate(reversed(datasets)):
        (folder / f"{number}.dcm").write_bytes(as_bytes(dataset))
    enhanced = make_enhanced(slices=3, rows=256, columns=256)
    enhanced.PixelData = b"".join(dataset.PixelData for dataset in datasets)
    (tmp_path / "enhanced.dcm").write_bytes(as_bytes(enhanced))
    status, lines = read(folder, tmp_path / "enhanced.dcm")
    assert status == 0
    for line in lines:
        assert [one["area_px"] > 0 for one in line["slices"]] == [True, True, False]
        assert line["measurements"]["volume_ml"] > 0
        assert np.load(line["mask"])["mask"].shape == (3, 256, 256)


def test_damaged_files_of_a_folder_cost_only_themselves(read: Any, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    datasets = series_of("glioma", "glioma", "no_tumor", "no_tumor")
    datasets[3].PhotometricInterpretation = "MONOCHROME9"
    for number, dataset in enumerate(datasets):
        (folder / f"{number}.dcm").write_bytes(as_bytes(dataset))
    (folder / "cut.dcm").write_bytes(as_bytes(datasets[0])[:700])
    datasets[0].NumberOfFrames = 10**9
    (folder / "many.dcm").write_bytes(as_bytes(datasets[0]))
    (folder / "notes.txt").write_text("no picture")
    status, lines = read(folder)
    assert status == 1
    errors = {Path(one["file"]).name: one["error"]["code"] for one in lines if "error" in one}
    assert errors == {"cut.dcm": "truncated_file", "many.dcm": "too_many_frames"}
    (line,) = (one for one in lines if "error" not in one)
    assert line["label"] == "glioma"
    assert [one["accepted"] for one in line["slices"]] == [True, True, True, False]
