"""Unpack lossless JPEG and JPEG-LS frames with GDCM, in a process of its own.

On a damaged frame GDCM 3.2 can end its process instead of raising (seen on one in about two
thousand fuzzed files), and an upload must not take a server down with it. This file is also the
program of that process, and so imports nothing of the project.
"""

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels import pixel_array

_LONGEST_S = 30.0  # a frame of the largest size takes a few seconds
# The JPEG library inside says so on standard error and goes on with invented values.
_SIGNS_OF_DAMAGE = (b"premature end of data", b"bad Huffman code")


class FrameError(RuntimeError):
    """GDCM could not unpack the frame."""


def unpack_apart(dataset: pydicom.FileDataset) -> npt.NDArray[Any]:
    """Return the stored values (H, W) or (H, W, 3) of a single-frame data set.

    Raises FrameError, also where GDCM crashed or did not come to an end.
    """
    pixels = dataset.group_dataset(0x0028)
    pixels["PixelData"] = dataset["PixelData"]
    alone = pydicom.FileDataset(BytesIO(), pixels, bytes(128), dataset.file_meta, False, True)
    stream = BytesIO()
    alone.save_as(stream, enforce_file_format=False)
    try:
        finished = subprocess.run(  # noqa: S603 (a fixed program, the data on its standard input)
            # -P: this folder holds modules with names of the standard library's.
            [sys.executable, "-P", __file__],
            input=stream.getvalue(),
            capture_output=True,
            timeout=_LONGEST_S,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise FrameError("GDCM could not unpack the frame") from error
    if any(sign in finished.stderr for sign in _SIGNS_OF_DAMAGE):
        raise FrameError("GDCM made up pixels that the frame does not hold")
    stored: npt.NDArray[Any] = np.load(BytesIO(finished.stdout), allow_pickle=False)
    return stored


if __name__ == "__main__":
    source = pydicom.dcmread(BytesIO(sys.stdin.buffer.read()))
    np.save(sys.stdout.buffer, pixel_array(source, decoding_plugin="gdcm"))
