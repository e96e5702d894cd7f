"""tus 1.0, the resumable upload protocol: its headers and its refusals. https://tus.io/protocols

Core, creation, creation-with-upload, checksum, expiration, termination.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from rest_framework import status

from backend.api.errors import ApiError, Conflict, PreconditionFailed, TooLarge

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256", "md5")
MAX_METADATA_CHARACTERS = 8192
NUMBER = re.compile(r"[0-9]{1,15}")

Headers = Mapping[str, str]


class ChecksumMismatch(ApiError):
    status_code = 460  # tus's own

    def __init__(self) -> None:
        super().__init__("checksum_mismatch", "The part arrived damaged. Send it again.")


class TooLong(TooLarge):
    def __init__(self) -> None:
        super().__init__("upload_length_exceeded", "There is more than Upload-Length announced.")


class OffsetMismatch(Conflict):
    def __init__(self, offset: int) -> None:
        message = f"The next part begins at {offset}: ask with HEAD before you go on."
        super().__init__("offset_mismatch", message, field="Upload-Offset", offset=offset)


class Gone(ApiError):
    status_code = status.HTTP_410_GONE

    def __init__(self) -> None:
        super().__init__("upload_expired", "This upload has waited too long. Begin a new one.")


class Checksum:
    """`Upload-Checksum` of one part: an algorithm and what it must give."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self.digest = hashlib.new(algorithm, usedforsecurity=False)
        self.expected = expected

    def update(self, chunk: bytes) -> None:
        self.digest.update(chunk)

    def verify(self) -> None:
        """Compare.

        Raises:
            ChecksumMismatch
        """
        if self.digest.digest() != self.expected:
            raise ChecksumMismatch


def require_version(headers: Headers) -> None:
    """Let only requests pass that speak our version.

    Raises:
        PreconditionFailed: `unsupported_tus_version`.
    """
    if headers.get("Tus-Resumable") != VERSION:
        raise PreconditionFailed(
            "unsupported_tus_version", f"Send Tus-Resumable: {VERSION}.", field="Tus-Resumable"
        )


def number(headers: Headers, name: str) -> int:
    """Return what `Upload-Length` or `Upload-Offset` says.

    Raises:
        ApiError: `invalid_header`.
    """
    given = headers.get(name, "")
    if not NUMBER.fullmatch(given):
        raise ApiError("invalid_header", f"{name} must be a number of bytes.", field=name)
    return int(given)


def checksum(headers: Headers) -> Checksum | None:
    """Return what a part must add up to, if the client says so.

    Raises:
        ApiError: `invalid_header`, `unsupported_checksum`.
    """
    given = headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _, encoded = given.partition(" ")
    if algorithm not in ALGORITHMS:
        message = f"Checksums are {', '.join(ALGORITHMS)}."
        raise ApiError("unsupported_checksum", message, field="Upload-Checksum")
    return Checksum(algorithm, decoded(encoded, "Upload-Checksum"))


def metadata(headers: Headers) -> dict[str, str]:
    """Return the keys and values of `Upload-Metadata`.

    Raises:
        ApiError: `invalid_header`.
    """
    given = headers.get("Upload-Metadata", "")
    if len(given) > MAX_METADATA_CHARACTERS or not given.isascii():
        raise invalid_metadata()
    found: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in given.split(","))):
        key, _, encoded = pair.partition(" ")
        if key in found:
            raise invalid_metadata()
        try:
            found[key] = decoded(encoded, "Upload-Metadata").decode()
        except UnicodeDecodeError as foreign:
            raise invalid_metadata() from foreign
    return found


def decoded(encoded: str, header: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as broken:
        raise ApiError("invalid_header", f"{header} is not Base64.", field=header) from broken


def invalid_metadata() -> ApiError:
    message = "Upload-Metadata has pairs of a key and a value in Base64, each key once."
    return ApiError("invalid_header", message, field="Upload-Metadata")
