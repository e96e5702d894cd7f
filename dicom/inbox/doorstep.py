"""What is done to an object before anything of it is kept."""

from backend.api.errors import ApiError
from dicom.models import Peer


def deidentified(data: bytes, peer: Peer) -> bytes:
    """Return an object as it may be kept.

    Raises:
        ApiError: `cannot_deidentify`.
    """
    if peer.deidentify == Peer.Deidentify.NO:
        return data
    message = "Objects of this system are to be de-identified, which cannot be done."
    raise ApiError("cannot_deidentify", message)
