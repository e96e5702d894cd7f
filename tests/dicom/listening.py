"""A listener in this process, and systems that send to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from dicom.dimse.listener import Listener
from dicom.models import Peer
from tests.series.make import make_series

SCANNER = "SCANNER"
ISSUER = "City Hospital"
NUMBER = "P-17"  # of `make_series`


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener("127.0.0.1", 0)
    thread = Thread(target=listener.serve)
    thread.start()
    try:
        yield listener
    finally:
        listener.stop(grace_s=5)
        thread.join()


def scanner(**fields: Any) -> Peer:
    known = {"name": "Scanner 1", "ae_title": SCANNER, "issuer": ISSUER, "may_store": True}
    return Peer.objects.create(**known | fields)


def call(
    listener: Listener,
    *datasets: Dataset,
    title: str = SCANNER,
    called: str = "FALX",
    **options: Any,
) -> Association:
    """Associate as another system, ready to send these objects."""
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    wanted = {(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in datasets or make_series()}
    contexts = [build_context("1.2.840.10008.1.1")]
    contexts += [build_context(uid, [syntax]) for uid, syntax in wanted]
    return entity.associate(
        "127.0.0.1", listener.port, contexts=contexts, ae_title=called, **options
    )


def hang_up(listener: Listener, association: Association) -> None:
    """Release, and wait until the listener has done what it does then.

    Nobody may read meanwhile: SQLite in memory has no patience with two at once.
    """
    (theirs,) = [
        each
        for each in listener.server.active_associations
        if each.requestor.address_info.port == association.requestor.address_info.port
    ]
    association.release()
    theirs.join()
