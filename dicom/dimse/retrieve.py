"""C-GET and C-MOVE of one study, study root (PS3.4, annex C.4.2 and C.4.3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydicom import Dataset
from pydicom import uid as uids
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from pynetdicom.status import code_to_category

from dicom.dimse import storing
from dicom.dimse.call import DimseError, association, status_of
from dicom.dimse.entity import COMPRESSED, STORAGE_CLASSES, UNCOMPRESSED
from dicom.models import Peer

# What comes compressed is asked for as it is; whoever answers chooses one syntax for a context.
OFTEN_COMPRESSED = [
    uids.MRImageStorage,
    uids.EnhancedMRImageStorage,
    uids.CTImageStorage,
    uids.SecondaryCaptureImageStorage,
]
MOST_CONTEXTS = 128
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove


@dataclass(frozen=True)
class Progress:
    """How many objects came, were refused or could not be sent, and are still to come."""

    completed: int
    failed: int
    remaining: int


def retrieve(peer: Peer, study_uid: str, keep: Callable[[bytes], object]) -> Iterator[Progress]:
    """Fetch a study: by C-GET where the peer offers it, else by C-MOVE to our listener.

    Args:
        keep: Gets each object that comes by C-GET; what it raises refuses the object. What comes by
            C-MOVE comes to the listener.

    Raises:
        DimseError: it cannot be asked, breaks off, or refuses the whole.
    """

    def came(event: evt.Event) -> Dataset:
        try:
            return storing.store(event, keep)
        finally:  # pynetdicom leaves it where it is
            event.request._dataset_file.close()
            event.dataset_path.unlink(missing_ok=True)

    contexts = [build_context(GET), build_context(MOVE)]
    contexts += [build_context(each, COMPRESSED) for each in OFTEN_COMPRESSED]
    fitting = STORAGE_CLASSES[: MOST_CONTEXTS - len(contexts)]
    contexts += [build_context(each, UNCOMPRESSED) for each in fitting]
    roles = [build_role(each, scp_role=True) for each in fitting]
    handlers = [(evt.EVT_C_STORE, came)]
    with association(peer, contexts, roles=roles, handlers=handlers) as opened:
        try:
            yield from progress_of(ask(opened, study_uid))
        finally:
            storing.tidy(opened)


def ask(opened: Association, study_uid: str) -> Iterator[tuple[Dataset, Any]]:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study_uid
    offered = {context.abstract_syntax for context in opened.accepted_contexts}
    if GET in offered:
        return opened.send_c_get(identifier, GET)  # type: ignore[no-any-return]
    if MOVE in offered and settings.DICOM_PORT:
        return opened.send_c_move(identifier, settings.DICOM_AE_TITLE, MOVE)  # type: ignore[no-any-return]
    message = "It offers no C-GET, and no C-MOVE to a listener of ours."
    raise DimseError("service_not_offered", message, lasting=True)


def progress_of(answers: Iterator[tuple[Dataset, Any]]) -> Iterator[Progress]:
    progress = Progress(0, 0, 0)
    for answer, _ in answers:
        category = code_to_category(status_of(answer))
        progress = Progress(
            completed=counted(answer, "Completed", progress.completed)
            + counted(answer, "Warning", 0),
            failed=counted(answer, "Failed", progress.failed),
            remaining=counted(answer, "Remaining", 0),
        )
        yield progress
        if category in ("Failure", "Cancel") and not progress.completed:
            comment = str(answer.get("ErrorComment", ""))[:64]
            said = f"It answered with status {int(answer.Status):04X}"
            raise DimseError("peer_failed", said + (f": {comment}." if comment else "."))


def counted(answer: Dataset, what: str, otherwise: int) -> int:
    return int(answer.get(f"NumberOf{what}Suboperations", None) or otherwise)
