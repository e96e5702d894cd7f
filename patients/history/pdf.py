"""Open a PDF with pypdf, in a process of its own.

A PDF can be made so that reading it takes for ever, or all memory: neither may happen to a server.
This file is also the program of that process, and so imports nothing of the project.
"""

import json
import resource
import subprocess
import sys
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError
from pypdf.generic import DictionaryObject

MAX_PAGES = 1000
_LONGEST_S = 20
_MEMORY_BYTES = 1 << 30
_ACTIONS_THAT_DO = ("/JavaScript", "/Launch", "/ImportData", "/SubmitForm")


class PDFError(ValueError):
    """The file is no PDF that can be kept; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def count_pages(data: bytes) -> int:
    """Open a PDF, look at all of its pages, and return how many there are.

    Raises:
        PDFError: `corrupt_file`, `encrypted_pdf`, `active_pdf`, `too_many_pages`.
    """
    try:
        finished = subprocess.run(  # noqa: S603 (a fixed program, the data on its standard input)
            [sys.executable, "-P", __file__],
            input=data,
            capture_output=True,
            timeout=_LONGEST_S * 2,
            check=True,
        )
        answer: dict[str, Any] = json.loads(finished.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise PDFError("corrupt_file") from error
    if "code" in answer:
        raise PDFError(answer["code"])
    return int(answer["pages"])


def examine(data: bytes) -> int:
    """Do what `count_pages` says, here; raises whatever pypdf raises on damage."""
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted:
        try:
            opened = bool(reader.decrypt(""))
        except DependencyError:
            opened = False
        if not opened:
            raise PDFError("encrypted_pdf")
    if is_active(reader.trailer["/Root"]):
        raise PDFError("active_pdf")
    pages = 0
    for page in reader.pages:
        pages += 1
        if pages > MAX_PAGES:
            raise PDFError("too_many_pages")
        annotations = [each.get_object() for each in page.get("/Annots") or ()]
        if any(map(has_action, (page, *annotations))):
            raise PDFError("active_pdf")
        if page.mediabox.width <= 0 or page.mediabox.height <= 0:
            raise PDFError("corrupt_file")
    if not pages:
        raise PDFError("corrupt_file")
    return pages


def is_active(root: Any) -> bool:
    """Whether the document carries programs, other files, or forms that run some."""
    root = root.get_object()
    names = root.get("/Names", DictionaryObject()).get_object()
    form = root.get("/AcroForm", DictionaryObject()).get_object()
    return has_action(root) or "/JavaScript" in names or "/EmbeddedFiles" in names or "/XFA" in form


def has_action(holder: Any) -> bool:
    """Whether opening or touching it does more than go somewhere."""
    if "/AA" in holder or holder.get("/Subtype") in ("/FileAttachment", "/RichMedia", "/Movie"):
        return True
    for name in ("/OpenAction", "/A"):
        action = holder.get(name, DictionaryObject()).get_object()
        if isinstance(action, DictionaryObject) and action.get("/S") in _ACTIONS_THAT_DO:
            return True
    return False


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST_S, _LONGEST_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    try:
        said: dict[str, object] = {"pages": examine(sys.stdin.buffer.read())}
    except PDFError as refused:
        said = {"code": refused.code}
    print(json.dumps(said))
