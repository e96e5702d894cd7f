"""The real slices in `samples/`, by what is on them."""

from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def sample(kind: str) -> Path:
    """Return a slice by the beginning of its name, e.g. `glioma`, `no_tumor`, `dicom`."""
    return next(p for p in sorted(SAMPLES.iterdir()) if p.is_file() and p.name.startswith(kind))
