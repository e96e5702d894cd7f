"""C-GET and C-MOVE of one study, study root (PS3.4, annex C.4.2 and C.4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydicom import Dataset
from pydicom import uid as uids
from pynetdicom import build_context, build_role, evt
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
MOST_CONTEXTS = 128  # PS3.8, 9.3.2.2
# Systems that do not do C-GET say so in all of these ways.
WORTH_A_MOVE = ("service_not_offered", "peer_failed", "peer_broke_off")
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove


@dataclass(frozen=True)
class Progress:
    """How many objects came, were refused or could not be sent, and are still to come."""

    completed: int
    failed: int
    remaining: int


def retrieve(peer: Peer, study_uid: str, keep: storing.Keep) -> Iterator[Progress]:
    """Fetch a study: by C-GET where the peer does that, else by C-MOVE to our listener.

    Args:
        keep: Gets each object that comes by C-GET; what it raises refuses the object. What comes by
            C-MOVE comes to the listener.

    Raises:
        DimseError: it cannot be asked, breaks off, or refuses the whole.
    """
    now = Progress(0, 0, 0)
    try:
        for now in get(peer, study_uid, keep):
            yield now
    except DimseError as refused:
        if refused.code not in WORTH_A_MOVE or now != Progress(0, 0, 0) or not settings.DICOM_PORT:
            raise
        yield from move(peer, study_uid)


def get(peer: Peer, study_uid: str, keep: storing.Keep) -> Iterator[Progress]:
    """Fetch by C-GET: what comes, comes over the association in which it was asked for."""

    def came(event: evt.Event) -> Dataset:
        try:
            return storing.store(event, keep)
        finally:  # pynetdicom leaves it where it is
            event.request._dataset_file.close()
            event.dataset_path.unlink(missing_ok=True)

    contexts = [build_context(GET)]
    contexts += [build_context(each, COMPRESSED) for each in OFTEN_COMPRESSED]
    fitting = STORAGE_CLASSES[: MOST_CONTEXTS - len(contexts)]
    contexts += [build_context(each, UNCOMPRESSED) for each in fitting]
    roles = [build_role(each, scp_role=True) for each in fitting]
    handlers = [(evt.EVT_C_STORE, came)]
    with association(peer, contexts, roles=roles, handlers=handlers) as opened:
        if GET not in {context.abstract_syntax for context in opened.accepted_contexts}:
            raise DimseError("service_not_offered", "It offers no C-GET.", lasting=True)
        try:
            yield from progress_of(opened.send_c_get(whole(study_uid), GET))
        finally:
            storing.tidy(opened)


def move(peer: Peer, study_uid: str) -> Iterator[Progress]:
    """Have it sent to our listener, by C-MOVE."""
    with association(peer, [build_context(MOVE)]) as opened:
        answers = opened.send_c_move(whole(study_uid), settings.DICOM_AE_TITLE, MOVE)
        yield from progress_of(answers)


def whole(study_uid: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study_uid
    return identifier


def progress_of(answers: Iterator[tuple[Dataset, Any]]) -> Iterator[Progress]:
    """Follow the answers to the last.

    Raises:
        DimseError: nothing was sent, or it broke off.
    """
    now = Progress(0, 0, 0)
    for answer, _ in answers:
        category = code_to_category(status_of(answer))
        now = Progress(
            completed=counted(answer, "Completed", now.completed) + counted(answer, "Warning", 0),
            failed=counted(answer, "Failed", now.failed),
            remaining=counted(answer, "Remaining", 0),
        )
        yield now
        if category in ("Failure", "Cancel") and not now.completed:
            comment = str(answer.get("ErrorComment", ""))[:64]
            said = f"It answered with status {int(answer.Status):04X}"
            raise DimseError("peer_failed", said + (f": {comment}." if comment else "."))


def counted(answer: Dataset, what: str, otherwise: int) -> int:
    return int(answer.get(f"NumberOf{what}Suboperations", None) or otherwise)
