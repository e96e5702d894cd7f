"""The bytes of unfinished uploads: one file each, under MEDIA_ROOT, on storage that all share.

The row of an upload says how many of the file's bytes count. They are on the disk before the row
says so; what lies behind them was written by somebody who did not get that far.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from scans.uploads.protocol import Checksum, TooLong

SUFFIX = ".part"


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "uploads"


def path(upload_id: UUID) -> Path:
    return folder() / f"{upload_id}{SUFFIX}"


def size(upload_id: UUID) -> int:
    try:
        return path(upload_id).stat().st_size
    except FileNotFoundError:
        return 0


def append(
    upload_id: UUID, chunks: Iterable[bytes], *, offset: int, length: int, checksum: Checksum | None
) -> int:
    """Write `chunks` at `offset`, over whatever an earlier attempt left there.

    Call it only while nobody else can: with the upload's row locked.

    Returns:
        Where the next part begins. What comes before it is on the disk.

    Raises:
        TooLong: there is more than the upload's `length` has room for. Nothing counts then.
        ChecksumMismatch: as `Checksum.verify`. Nothing counts then.
    """
    file = path(upload_id)
    fresh = not file.exists()
    if fresh:
        file.parent.mkdir(
            mode=settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS, parents=True, exist_ok=True
        )
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, settings.FILE_UPLOAD_PERMISSIONS)
    with os.fdopen(descriptor, "r+b") as opened:
        opened.truncate(offset)
        opened.seek(offset)
        for chunk in chunks:
            if opened.tell() + len(chunk) > length:
                raise TooLong
            if checksum:
                checksum.update(chunk)
            opened.write(chunk)
        if checksum:
            checksum.verify()
        opened.flush()
        os.fsync(opened.fileno())
        end = opened.tell()
    if fresh:
        sync_folder()
    return end


def sync_folder() -> None:
    """Put the new file's name on the disk too."""
    descriptor = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(upload_id: UUID) -> None:
    path(upload_id).unlink(missing_ok=True)


def untouched_since(moment: datetime) -> Iterator[UUID]:
    """Ids of the uploads whose bytes nobody has written to since then."""
    for file in folder().glob(f"*{SUFFIX}"):
        try:
            if datetime.fromtimestamp(file.stat().st_mtime, UTC) < moment:
                yield UUID(file.stem)
        except (FileNotFoundError, ValueError):  # removed meanwhile, or none of ours
            continue
