"""Taking in many files of one request: on disk, in one temporary file, however many there are."""

from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class OneFileUploadHandler(FileUploadHandler):
    """Write all files of a form behind each other: neither memory nor open files grow with them.

    Django's own keep each small file in memory and each large one open.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.spool: IO[bytes] = TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115
        self.start = self.end = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.start = self.end

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.end += self.spool.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        return UploadedFile(
            file=BufferedReader(Section(self.spool, self.start, self.end - self.start)),
            name=self.file_name,
            content_type=self.content_type,
            size=self.end - self.start,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


class Section(RawIOBase):
    """A part of a file, read as if it were a file."""

    def __init__(self, whole: IO[bytes], start: int, size: int) -> None:
        self.whole, self.start, self.size = whole, start, size
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        origin = {SEEK_SET: 0, SEEK_CUR: self.position, SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise ValueError("negative position")
        self.position = origin + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        left = max(0, self.size - self.position)
        self.whole.seek(self.start + self.position)
        data = self.whole.read(min(len(buffer), left))
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)
