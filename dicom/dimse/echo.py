"""C-ECHO: is it there (PS3.4, annex A)?"""

import time

from pynetdicom import build_context
from pynetdicom.sop_class import Verification

from dicom.dimse.call import association, succeeded
from dicom.models import Peer


def echo(peer: Peer) -> int:
    """Return how many milliseconds connecting and its answer took.

    Raises:
        DimseError: it did not answer.
    """
    began = time.monotonic()
    with association(peer, [build_context(Verification)]) as opened:
        succeeded(opened.send_c_echo())
    return round((time.monotonic() - began) * 1000)
