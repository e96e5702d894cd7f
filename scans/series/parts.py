"""The files of an upload, one after the other: those that were sent, and those in their archives.

Nothing is unpacked onto a disk, no name of an entry becomes a path, and memory holds one file.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from backend.api.errors import ApiError
from backend.api.text import printable

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_JUNK = {".ds_store", "thumbs.db", "desktop.ini", "dicomdir"}
_ENCRYPTED = 0x1
_NAME_LENGTH = 255
# The end of an archive says how long its table of contents is (APPNOTE.TXT, 4.3.16).
_END = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 2**16
_ENTRY_BYTES = 1024  # of the table of contents, for an entry with a very long name


@dataclass(frozen=True)
class Part:
    """A file that may be an object or a volume; `read` gives its bytes, each time anew.

    Raises (read):
        Unreadable: its bytes cannot be had.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Refusal:
    """A file that is not kept, and why; `code` is stable."""

    name: str
    code: str
    message: str


@dataclass(frozen=True)
class Ignored:
    """What computers put beside the files that people want to send."""

    name: str


class Unreadable(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def parts_of(files: Sequence[UploadedFile]) -> Iterator[Part | Refusal | Ignored]:
    """Yield what is in the files of an upload.

    Raises:
        ApiError: `too_many_files`, `archive_too_large`, `corrupt_archive`: nothing of it is taken.
    """
    for file in files:
        name = shown(file.name or "")
        if start_of(file) in ZIP:
            yield from entries(file, name)
        elif (file.size or 0) > settings.MAX_INSTANCE_BYTES:
            yield too_large(name)
        else:
            yield Part(name, whole(file))


def entries(file: UploadedFile, name: str) -> Iterator[Part | Refusal | Ignored]:
    """Yield what is in an archive; its entries are opened when they are read."""
    check_table(file)
    try:
        archive = ZipFile(file)
        found = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as broken:
        message = f"The archive {name} is damaged and cannot be read."
        raise ApiError("corrupt_archive", message, field="file") from broken
    if len(found) > settings.MAX_STUDY_FILES:
        raise too_many()
    if sum(entry.file_size for entry in found) > settings.MAX_STUDY_UNPACKED_BYTES:
        message = f"What is in the archive is larger than {settings.MAX_STUDY_UNPACKED_MB} MB."
        raise ApiError("archive_too_large", message, field="file")
    for entry in found:
        if not entry.filename.endswith("/"):  # `is_dir` fails on an entry without a name
            yield what_is(archive, entry)


def what_is(archive: ZipFile, entry: ZipInfo) -> Part | Refusal | Ignored:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    name = shown(str(path))
    if ".." in path.parts or path.is_absolute() or ":" in "".join(path.parts[:1]):
        return Refusal(name, "unsafe_path", "The path leads out of the archive.")
    if "__MACOSX" in path.parts or path.name.startswith("._") or path.name.lower() in _JUNK:
        return Ignored(name)
    if entry.flag_bits & _ENCRYPTED:
        return Refusal(name, "encrypted_entry", "The file is encrypted.")
    if entry.file_size > settings.MAX_INSTANCE_BYTES:
        return too_large(name)

    def read() -> bytes:
        try:
            with archive.open(entry) as opened:
                return opened.read()
        except NotImplementedError as unknown:
            raise Unreadable(
                "unsupported_compression", "The file is packed in a way that cannot be unpacked."
            ) from unknown
        except Exception as broken:  # each way of packing has its own errors, LZMAError for one
            raise Unreadable("corrupt_entry", "The file is damaged in the archive.") from broken

    return Part(name, read)


def check_table(file: UploadedFile) -> None:
    """Look how many entries an archive can have before any is listed: a list of millions is a bomb.

    Raises:
        ApiError: `too_many_files`.
    """
    size = file.size or 0
    file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
    tail = file.read()
    place = tail.rfind(_END)
    end = tail[place : place + _END_BYTES]
    if place < 0 or len(end) < _END_BYTES:
        return  # no archive: said by who opens it
    (table_bytes,) = struct.unpack_from("<L", end, 12)
    if table_bytes > settings.MAX_STUDY_FILES * _ENTRY_BYTES:
        raise too_many()


def too_many() -> ApiError:
    limit = settings.MAX_STUDY_FILES
    return ApiError("too_many_files", f"Send at most {limit} files at once.", field="file")


def too_large(name: str) -> Refusal:
    limit = settings.MAX_INSTANCE_MB
    return Refusal(name, "file_too_large", f"The file is larger than {limit} MB.")


def start_of(file: IO[bytes] | UploadedFile) -> bytes:
    file.seek(0)
    return file.read(4)


def whole(file: UploadedFile) -> Callable[[], bytes]:
    def read() -> bytes:
        file.seek(0)
        return file.read()

    return read


def shown(path: str) -> str:
    """A client's name for a file, fit to be shown; the end of a long one says more."""
    return printable(path, 10_000)[-_NAME_LENGTH:] or "?"
