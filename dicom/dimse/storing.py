"""One C-STORE request, as the listener and C-GET both take it (PS3.4, annex B; PS3.7, 9.1.1)."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from pydicom import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag
from pynetdicom.events import Event

from backend.api.errors import ApiError
from scans.decoding import DecodeError

logger = logging.getLogger(__name__)

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
OTHER_SOP_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000

SOP_INSTANCE_UID = BaseTag(0x00080018)

# However many associations there are, so many objects are in memory and at the database at once.
_at_once = BoundedSemaphore(4)


class Refused(Exception):
    """The object is not kept; `status` tells its sender why."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status, self.comment = status, comment


def store(event: Event, keep: Callable[[bytes], object]) -> Dataset:
    """Let `keep` have an object that came, and return the answer for its sender.

    Success is only said when `keep` has returned: from then on the object is ours to look after.
    """
    try:
        check(event)
        with _at_once:
            _keep(Path(event.dataset_path).read_bytes(), keep)
    except Refused as refused:
        return answer(refused.status, refused.comment)
    except (ApiError, DecodeError) as refused:
        return answer(CANNOT_UNDERSTAND, refused.message)
    except (OSError, OperationalError, InterfaceError):
        logger.exception("An object could not be stored")
        connection.close()
        return answer(OUT_OF_RESOURCES, "Storage or database cannot take it now.")
    except Exception:
        logger.exception("An object could not be stored")
        return answer(PROCESSING_FAILURE, "Failed on our side.")
    return answer(SUCCESS)


def check(event: Event) -> None:
    """Hold the object against what the request says it is.

    Raises:
        Refused: it is another, or no object at all.
    """
    try:
        with Path(event.dataset_path).open("rb") as file:
            head = read_partial(file, stop_when=lambda tag, *_: tag > SOP_INSTANCE_UID)
    except Exception as broken:  # pydicom raises nearly every built-in error on damaged files
        raise Refused(CANNOT_UNDERSTAND, "The data set cannot be read.") from broken
    if head.get("SOPClassUID") != event.request.AffectedSOPClassUID:
        raise Refused(OTHER_SOP_CLASS, "The data set is of another SOP class.")
    if head.get("SOPInstanceUID") != event.request.AffectedSOPInstanceUID:
        raise Refused(OTHER_SOP_CLASS, "The data set is another SOP instance.")


def answer(status: int, comment: str = "") -> Dataset:
    response = Dataset()
    response.Status = status
    if comment:
        response.ErrorComment = comment[:64]
    return response


def _keep(data: bytes, keep: Callable[[bytes], object]) -> None:
    """An association may outlive its database connection: with a new one, once again."""
    try:
        keep(data)
    except (OperationalError, InterfaceError):
        if connection.is_usable():
            raise
        connection.close()
        keep(data)


def tidy(association: Any) -> None:
    """Remove what came of an object whose transfer broke off."""
    message = association.dimse.message
    if message is not None and message._data_set_file is not None:
        message._data_set_file.close()
        message._data_set_path.unlink(missing_ok=True)
