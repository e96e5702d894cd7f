"""Other systems, what came from them and waits, and what goes to them."""

from dicom.models.arrival import Arrival, ArrivalNumber, arrival_path
from dicom.models.delivery import Delivery, Publication
from dicom.models.peer import Peer
from dicom.models.retrieval import Retrieval

__all__ = [
    "Arrival",
    "ArrivalNumber",
    "Delivery",
    "Peer",
    "Publication",
    "Retrieval",
    "arrival_path",
]
