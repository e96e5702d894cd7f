"""One real slice through dcmtk's and GDCM's encoders: what they write, we read."""

import subprocess
from pathlib import Path

import gdcm
import numpy as np
import pytest

from scans.decoding import decode
from tests.samples import sample

COMMANDS = {
    "implicit": ["dcmconv", "+ti"],
    "explicit": ["dcmconv", "+te"],
    "big endian": ["dcmconv", "+tb"],
    "deflated": ["dcmconv", "+td"],
    "JPEG lossless, SV1": ["dcmcjpeg", "+e1"],
    "JPEG lossless": ["dcmcjpeg", "+el"],
    "JPEG-LS": ["dcmcjpls"],
    "RLE": ["dcmcrle"],
}
SYNTAXES = ["JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_dcmtk_writes_without_loss_gives_the_same_slice(name: str, tmp_path: Path) -> None:
    written = by_dcmtk(COMMANDS[name], tmp_path)
    np.testing.assert_array_equal(written, decode(sample("dicom").read_bytes()).pixels)


@pytest.mark.parametrize("process", ["+eb", "+ee"])
def test_what_dcmtk_writes_with_loss_gives_nearly_the_same(process: str, tmp_path: Path) -> None:
    written = by_dcmtk(["dcmcjpeg", process], tmp_path)
    plain = decode(sample("dicom").read_bytes()).pixels.astype(int)
    assert np.abs(written - plain).mean() < 5


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_gdcm_writes_gives_the_same_slice(syntax: str, tmp_path: Path) -> None:
    change, reader, writer = (
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageReader(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(sample("dicom")))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    target = tmp_path / "written.dcm"
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(target))
    assert writer.Write()
    written = decode(target.read_bytes()).pixels
    np.testing.assert_array_equal(written, decode(sample("dicom").read_bytes()).pixels)


def by_dcmtk(command: list[str], folder: Path) -> np.ndarray:
    target = folder / "written.dcm"
    subprocess.run([*command, str(sample("dicom")), str(target)], check=True, capture_output=True)
    return decode(target.read_bytes()).pixels
