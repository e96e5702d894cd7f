"""One C-STORE request, as the listener and C-GET both take it (PS3.4, annex B; PS3.7, 9.1.1)."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from pydicom import Dataset
from pynetdicom.events import Event

from backend.api.errors import ApiError
from scans.decoding import DecodeError
from scans.series.header import Header

logger = logging.getLogger(__name__)

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
OTHER_SOP_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000

Keep = Callable[[bytes, Header], object]

# However many associations there are, so many objects are in memory and at the database at once.
_at_once = BoundedSemaphore(4)


class Refused(Exception):
    """The object is not kept; `status` tells its sender why."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status, self.comment = status, comment


def store(event: Event, keep: Keep) -> Dataset:
    """Let `keep` have an object that came, and return the answer for its sender.

    Success is only said when `keep` has returned: from then on the object is ours to look after.
    """
    try:
        with _at_once:
            data = Path(event.dataset_path).read_bytes()
            header = Header.read(data)
            check(event, header)
            _keep(data, header, keep)
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


def check(event: Event, header: Header) -> None:
    """Hold the object against what the request says it is.

    Raises:
        Refused: it is another.
    """
    if header.sop_class_uid != event.request.AffectedSOPClassUID:
        raise Refused(OTHER_SOP_CLASS, "The data set is of another SOP class.")
    if header.instance_uid != event.request.AffectedSOPInstanceUID:
        raise Refused(OTHER_SOP_CLASS, "The data set is another SOP instance.")


def answer(status: int, comment: str = "") -> Dataset:
    response = Dataset()
    response.Status = status
    if comment:
        response.ErrorComment = comment[:64]
    return response


def _keep(data: bytes, header: Header, keep: Keep) -> None:
    """An association may outlive its database connection: with a new one, once again."""
    try:
        keep(data, header)
    except (OperationalError, InterfaceError):
        if connection.is_usable():
            raise
        connection.close()
        keep(data, header)


def tidy(association: Any) -> None:
    """Remove what came of an object whose transfer broke off."""
    message = association.dimse.message
    if message is not None and message._data_set_file is not None:
        message._data_set_file.close()
        message._data_set_path.unlink(missing_ok=True)
