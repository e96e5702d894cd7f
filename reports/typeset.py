"""Set a report's pages with Typst, in a process of its own with limits on time and memory.

A compiler that a strange text throws off its feet, or that does not come to an end, must not take
a server down with it. This file is also the program of that process, and so imports nothing of the
project. What it gets is a folder with the template, `data.json` and the pictures; it can read no
file outside of it, and no network.
"""

import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
FONTS = HERE / "fonts"
TEMPLATE = HERE / "report.typ"

LONGEST_S = 60
# Of addresses, not of pages that are used: the compiler maps far more than it touches.
MOST_BYTES = 3 * 1024**3


class TypesetError(RuntimeError):
    """The pages could not be set, in the time and memory that there are."""


def typeset(folder: Path, made_at: datetime) -> bytes:
    """Return the PDF of what is in `folder`. The same contents and time give the same bytes.

    Raises:
        TypesetError: with what the compiler said, for the log: it may quote a patient's data.
    """
    seconds = int(made_at.astimezone(UTC).timestamp())
    try:
        finished = subprocess.run(  # noqa: S603 (a fixed program; its argument is a folder of ours)
            # -P: this folder holds modules with names of others'.
            [sys.executable, "-P", __file__, str(folder), str(seconds)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S,
            env={"RAYON_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"},
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise TypesetError(error.stderr.decode(errors="replace")[-2000:]) from error
    except subprocess.TimeoutExpired as error:
        raise TypesetError(f"not set within {LONGEST_S} s") from error
    return finished.stdout


def main(folder: str, seconds: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)]
    )
    pdf = typst.compile(
        str(Path(folder) / "report.typ"),
        root=folder,
        font_paths=fonts,
        format="pdf",
        # PDF/A opens in fifty years' time, PDF/UA can be read aloud.
        pdf_standards=["a-2a", "ua-1"],
        timestamp=int(seconds),
        # Packages would come from a network: there are none.
        package_path=str(Path(folder) / "none"),
        package_cache_path=str(Path(folder) / "none"),
    )
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main(*sys.argv[1:])
