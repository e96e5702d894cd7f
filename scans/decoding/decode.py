"""From bytes to a slice: look at the content, never at a name, and call the right reader."""

from scans.decoding.dicom import decode_dicom
from scans.decoding.raster import decode_jpeg, decode_png, refuse_gif
from scans.decoding.types import DecodedSlice, DecodeError

_DICOM_PREAMBLE = 128  # PS3.10 section 7.1: 128 free bytes, then "DICM"


def decode(data: bytes) -> DecodedSlice:
    """Decode a PNG, a JPEG or a single-frame DICOM file.

    Raises DecodeError and nothing else, whatever the bytes. Codes: empty_file,
    unsupported_format, truncated_file, corrupt_file, image_too_large, image_too_narrow,
    image_too_small, animated_image, multi_frame_dicom, no_pixel_data, unsupported_transfer_syntax,
    unsupported_pixels.
    """
    if not data:
        raise DecodeError("empty_file", "The file is empty.")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return decode_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return decode_jpeg(data)
    if data[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return decode_dicom(data)
    if data.startswith((b"GIF87a", b"GIF89a")):
        refuse_gif(data)
    raise DecodeError(
        "unsupported_format", "The file is not a PNG, JPEG or DICOM image, whatever its name says."
    )
