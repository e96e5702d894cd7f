"""Other systems, what came from them and waits, and what goes to them."""

from dicom.models.arrival import Arrival, ArrivalNumber, arrival_path
from dicom.models.delivery import Delivery, Publication
from dicom.models.peer import Peer

__all__ = ["Arrival", "ArrivalNumber", "Delivery", "Peer", "Publication", "arrival_path"]
