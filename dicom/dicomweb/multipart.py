"""Bodies of several parts (RFC 2046, 5.1; RFC 2387), read and written piece by piece."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from django.utils.http import parse_header_parameters

CHUNK = 1024 * 1024
_LARGEST_HEAD = 16 * 1024
# The standard's limit is 70; Orthanc's have 73.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")
_LINE_END = re.compile(rb"[ \t]*(\r\n|\Z)")


class Stream(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class MultipartError(ValueError):
    """A body that is not what its header says."""


@dataclass
class Part:
    """One part of a body.

    headers: by their names in lower case.
    too_large: `data` is left out because there is more of it than was allowed.
    """

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    too_large: bool = False


def boundary_of(content_type: str) -> str:
    """Return the boundary that a Content-Type names.

    Raises:
        MultipartError: it names none.
    """
    _, parameters = parse_header_parameters(content_type)
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("The Content-Type names no usable boundary.")
    return boundary


def read_parts(stream: Stream, boundary: str, *, largest: int) -> Iterator[Part]:
    """Yield the parts of a body as they are read; at most one is in memory.

    Args:
        largest: Bytes of a part that are kept; of a larger one nothing is.

    Raises:
        MultipartError: when the body ends before its last boundary. What came whole was yielded.
    """
    reader = _Reader(stream, b"\r\n--" + boundary.encode("ascii"))
    reader.read_until_delimiter(0)  # what stands before the first boundary means nothing
    while not reader.at_end():
        headers = reader.read_head()
        data = reader.read_until_delimiter(largest)
        yield Part(headers, data or b"", too_large=data is None)


class _Reader:
    def __init__(self, stream: Stream, delimiter: bytes) -> None:
        self.stream, self.delimiter = stream, delimiter
        self.buffer = bytearray(b"\r\n")  # the first boundary may be the body's first line

    def read_until_delimiter(self, largest: int) -> bytes | None:
        """Return what stands before the next delimiter, and go behind it; None: more than that."""
        kept, size, start = bytearray(), 0, 0
        while True:
            found = self.buffer.find(self.delimiter, start)
            end = found + len(self.delimiter)
            if found >= 0 and self._ends_line(end):
                size += found
                kept += self.buffer[:found] if size <= largest else b""
                del self.buffer[:end]
                return bytes(kept) if size <= largest else None
            if found >= 0:  # only begins like it: these bytes are content
                start = found + 1
                continue
            sure = max(start, len(self.buffer) - len(self.delimiter) + 1)
            size += sure
            if size <= largest:
                kept += self.buffer[:sure]
            else:
                kept.clear()
            del self.buffer[:sure]
            start = 0
            self._more()

    def _ends_line(self, place: int) -> bool:
        """Whether nothing but the end of the line, or of the body, follows a delimiter."""
        while len(self.buffer) < place + 64 and self._more(last=True):
            pass
        rest = bytes(self.buffer[place : place + 64])
        return rest.startswith(b"--") or bool(_LINE_END.match(rest))

    def at_end(self) -> bool:
        """Whether the delimiter that was just read was the last; else go to the next line."""
        if self.buffer.startswith(b"--"):
            return True
        line = _LINE_END.match(bytes(self.buffer[:64]))
        del self.buffer[: line.start(1) if line else 0]
        return False

    def read_head(self) -> dict[str, str]:
        """Read the lines up to the first empty one; the line end before them is still there."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > _LARGEST_HEAD:
                raise MultipartError("The head of a part does not end.")
            self._more()
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        # The line end stays: a part without content has its delimiter right here.
        del self.buffer[: end + 2]
        if not (self._begins_with(self.delimiter) and self._ends_line(len(self.delimiter))):
            del self.buffer[:2]
        pairs = (line.partition(":") for line in lines if ":" in line)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _begins_with(self, text: bytes) -> bool:
        while len(self.buffer) < len(text) and self._more(last=True):
            pass
        return self.buffer.startswith(text)

    def _more(self, *, last: bool = False) -> bool:
        """Read on; say whether there was anything.

        Raises:
            MultipartError: there was nothing, unless it may have been the `last`.
        """
        chunk = self.stream.read(CHUNK)
        if not chunk and not last:
            raise MultipartError("The body ends before its last boundary.")
        self.buffer += chunk
        return bool(chunk)


class Writer:
    """The frame around the parts of an answer."""

    def __init__(self, part_type: str) -> None:
        self.boundary = uuid4().hex
        self.content_type = f'multipart/related; type="{part_type}"; boundary={self.boundary}'

    def head(self, content_type: str, **headers: str) -> bytes:
        """Return what stands before a part's content."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        lines = {"Content-Type": content_type, **named}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"\r\n--{self.boundary}\r\n{text}\r\n".encode()

    def end(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
