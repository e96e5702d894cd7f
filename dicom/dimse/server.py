"""A listening socket that strangers cannot wear out.

pynetdicom waits for ever for the rest of a PDU, believes its length, shakes hands for TLS in the
thread that accepts, and opens two threads for whoever connects. This bounds all four.
"""

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connections
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom.dimse.entity import MAX_PDU

# An A-ASSOCIATE-RQ may propose 128 contexts, each with all transfer syntaxes there are.
LONGEST_PDU = max(MAX_PDU + 1024, 512 * 1024)
# So many may be in the middle of being told that there are too many.
BEYOND_LIMIT = 8
# For each association that a process has it lets others, which have fewer, take the next.
STAND_BACK_S = 0.005


def receive_bounded(connection: AssociationSocket, count: int) -> bytearray:
    """Return so many bytes; fewer when the connection ends. In the place of `connection.recv`.

    Raises:
        OSError: it takes longer than the network timeout, or nobody may send so much at once.
    """
    if count > LONGEST_PDU:
        raise OSError(f"A PDU of {count} bytes; we said {MAX_PDU} at most.")
    patience = connection.assoc.network_timeout
    deadline = time.monotonic() + patience
    received = bytearray(count)
    there = 0
    with memoryview(received) as view:
        while there < count:
            connection.socket.settimeout(max(0.001, deadline - time.monotonic()))
            got = connection.socket.recv_into(view[there:])
            if not got:
                break
            there += got
    connection.socket.settimeout(patience)  # for sending
    return received[:there]


def run_and_close(run: Callable[[], None]) -> None:
    """The thread of an association has its own connection to the database."""
    try:
        run()
    finally:
        connections.close_all()


class Handler(RequestHandler):
    request: socket.socket

    def handle(self) -> None:
        """In a thread of its own, until the association has one."""
        self.request.settimeout(self.ae.acse_timeout)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().handle()

    def _create_association(self) -> Any:
        association = super()._create_association()
        connection = association.dul.socket
        connection.recv = partial(receive_bounded, connection)
        association.run = partial(run_and_close, association.run)
        return association


class Server(ThreadedAssociationServer):
    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, request_handler=Handler, **options)
        self.socket.setblocking(False)  # another process may have taken who knocked

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return len(self.active_associations) < self.ae.maximum_associations + BEYOND_LIMIT

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take who knocks; of several processes, the one with the least to do is the quickest."""
        time.sleep(STAND_BACK_S * len(self.active_associations))
        connection, address = self.socket.accept()
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that failed: the connection is closed, and that is all."""
