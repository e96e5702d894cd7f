"""What may be attached to a file: PDFs and pictures that are what they say they are."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from PIL import Image

from backend.api.errors import ApiError, TooLarge
from backend.api.text import display_name
from patients.history import pdf
from patients.models import Attachment

MAX_PIXELS = 50_000_000

Format = Attachment.Format

_MAGIC = {
    b"%PDF-": Format.PDF,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"\xff\xd8\xff": Format.JPEG,
}
_END_OF_PDF = b"%%EOF"
# What a name or a content type would make of the file; others promise nothing.
_PROMISES = {
    ".pdf": Format.PDF,
    ".png": Format.PNG,
    ".jpg": Format.JPEG,
    ".jpeg": Format.JPEG,
    "application/pdf": Format.PDF,
    "image/png": Format.PNG,
    "image/jpeg": Format.JPEG,
    "image/jpg": Format.JPEG,
}
_MESSAGES = {
    "empty_file": "The file is empty.",
    "unsupported_format": "Only PDF, PNG and JPEG can be attached.",
    "type_mismatch": "The file is not what its name or type says.",
    "truncated_file": "The file ends too early; upload it again.",
    "corrupt_file": "The file is damaged and cannot be opened.",
    "image_too_large": f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.",
    "animated_image": "The picture moves; send a single picture.",
    "encrypted_pdf": "The PDF is protected by a password.",
    "active_pdf": "The PDF carries programs or other files.",
    "too_many_pages": f"The PDF has more than {pdf.MAX_PAGES} pages.",
}


@dataclass(frozen=True)
class CheckedFile:
    """A file that was opened and is what it says. Nothing of it is stored yet.

    facts: `pages` of a PDF; `width_px`, `height_px` of a picture.
    """

    name: str
    data: bytes
    format: Attachment.Format
    sha256: str
    facts: dict[str, int]


def check_file(file: UploadedFile) -> CheckedFile:
    """Open an uploaded file. Takes a second for a large one: call it outside a transaction.

    Raises:
        TooLarge: `file_too_large`.
        ApiError: `empty_file`, `unsupported_format`, `type_mismatch`, `truncated_file`,
            `corrupt_file`, `image_too_large`, `animated_image`, `encrypted_pdf`, `active_pdf`,
            `too_many_pages`.
    """
    if file.size is not None and file.size > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_MB
        raise TooLarge("file_too_large", f"The file is larger than {limit} MB.", field="file")
    data = file.read()
    if not data:
        raise refused("empty_file")
    found = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if found is None:
        raise refused("unsupported_format")
    name = display_name(file.name or "")
    for promise in (PurePosixPath(name).suffix.lower(), (file.content_type or "").lower()):
        if _PROMISES.get(promise, found) != found:
            raise refused("type_mismatch")
    return CheckedFile(
        name=name,
        data=data,
        format=found,
        sha256=hashlib.sha256(data).hexdigest(),
        facts=open_pdf(data) if found == Format.PDF else open_picture(data, found),
    )


def open_pdf(data: bytes) -> dict[str, int]:
    if _END_OF_PDF not in data[-1024:]:
        raise refused("truncated_file")
    try:
        return {"pages": pdf.count_pages(data)}
    except pdf.PDFError as error:
        raise refused(error.code) from error


def open_picture(data: bytes, kind: Attachment.Format) -> dict[str, int]:
    """Unpack a picture whole, after asking its header how large it is."""
    try:
        image = Image.open(BytesIO(data), formats=[kind.value.upper()])
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise refused("image_too_large")
        if getattr(image, "is_animated", False) and image.format == "PNG":
            raise refused("animated_image")
        image.load()
        # Pillow does not look at the checksums of a PNG's pixels while it unpacks them.
        Image.open(BytesIO(data), formats=[kind.value.upper()]).verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refused("image_too_large") from error
    except ApiError:
        raise
    except Exception as error:  # Pillow: OSError, SyntaxError, struct.error, ValueError, zlib.error
        early = "truncated" in str(error).lower()
        raise refused("truncated_file" if early else "corrupt_file") from error
    return {"width_px": width, "height_px": height}


def refused(code: str) -> ApiError:
    return ApiError(code, _MESSAGES[code], field="file")
