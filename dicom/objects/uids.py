"""UIDs that follow from what an object is of, so that making it twice makes one object."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0d2f4e-8c55-5c2b-9a0e-6a4b1d6a7f10")  # fixed for good: it is in every UID


def uid_for(analysis_id: UUID, *what: object) -> str:
    """Return the UID of something of an analysis, e.g. `("report", 2)` (PS3.5, annex B.2)."""
    name = "/".join([str(analysis_id), *map(str, what)])
    return f"2.25.{uuid5(_NAMESPACE, name).int}"


# A series has one modality (PS3.3, C.7.3.1): so much is made of one reading.
SERIES = ("segmentations", "reports", "pictures", "documents")
