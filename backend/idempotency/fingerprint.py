"""Tell whether two requests ask for the same."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from tempfile import SpooledTemporaryFile

from django.conf import settings
from django.http import HttpRequest

# What else, besides method, address and body, changes what is asked for.
HEADERS = (
    "If-Match",
    "Upload-Checksum",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-HTTP-Method-Override",
)
CHUNK_BYTES = 2**16


def fingerprint(request: HttpRequest) -> str | None:
    """Return the SHA-256 of what a request asks for; its body can be read again afterwards.

    The boundary of a multipart body is left out: clients make a new one each time they send.

    Returns:
        None when the connection broke before the body had come whole.
    """
    digest = hashlib.sha256()
    boundary = (request.content_params or {}).get("boundary", "").encode()
    for part in (request.method, request.get_full_path(), request.content_type):
        digest.update(f"{part}\n".encode())
    for name in HEADERS:
        digest.update(f"{name}: {request.headers.get(name, '')}\n".encode())

    # A plain file takes the stream's place: whoever reads the request next starts at its start.
    spool = SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
    for piece in without(boundary, kept(spool, iter(partial(request.read, CHUNK_BYTES), b""))):
        digest.update(piece)
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    complete = spool.tell() >= announced
    spool.seek(0)
    request._stream = spool  # type: ignore[assignment]
    request._read_started = False  # type: ignore[attr-defined]
    return digest.hexdigest() if complete else None


def kept(spool: SpooledTemporaryFile[bytes], chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        spool.write(chunk)
        yield chunk


def without(boundary: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out a multipart boundary, also where it lies across two chunks."""
    if not boundary:
        yield from chunks
        return
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(boundary)
        yield from whole
        done = max(0, len(rest) - len(boundary) + 1)
        yield rest[:done]
        rest = rest[done:]
    yield rest
