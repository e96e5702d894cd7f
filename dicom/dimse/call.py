"""Calling another application entity: an association, or a sentence why there is none."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.status import code_to_category

from dicom.dicomweb_client import PeerError
from dicom.dimse import entity
from dicom.models import Peer


class DimseError(PeerError):
    """The peer did not do what it was asked.

    Attributes:
        code: `no_dimse_address`, `no_certificate`, `peer_unreachable`, `peer_silent`,
            `peer_refused`, `peer_broke_off`, `service_not_offered`, `peer_failed`.
    """

    def __init__(self, code: str, message: str, *, lasting: bool = False) -> None:
        super().__init__(message, lasting=lasting)
        self.code = code


def has_address(peer: Peer) -> bool:
    """Whether it can be called by DIMSE at all."""
    return bool(peer.ae_title and peer.host and peer.port)


@contextmanager
def association(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """Yield an association in which the peer accepted at least one context; release it after.

    Raises:
        DimseError: there is none. Bounded by DICOM_ACSE_TIMEOUT_S.
    """
    if not has_address(peer):
        message = "This system has no AE title, host and port."
        raise DimseError("no_dimse_address", message, lasting=True)
    connected: list[evt.Event] = []
    opened = entity.new_entity().associate(
        address_of(peer),
        peer.port,
        contexts=list(contexts),
        ae_title=peer.ae_title,
        ext_neg=list(roles),
        tls_args=tls_to(peer),
        evt_handlers=[(evt.EVT_CONN_OPEN, connected.append), *handlers],
    )
    if not opened.is_established:
        raise why_not(opened, connected=bool(connected))
    try:
        yield opened
    except BaseException:
        opened.abort()
        raise
    opened.release()


def address_of(peer: Peer) -> str:
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except OSError as unknown:
        raise DimseError("peer_unreachable", f"There is no host {peer.host}.") from unknown
    return str(found[0][4][0])


def tls_to(peer: Peer) -> tuple[Any, str] | None:
    if not peer.tls:
        return None
    try:
        return entity.client_tls(), peer.host
    except (ImproperlyConfigured, OSError) as missing:
        message = "This system speaks TLS, and there is no usable certificate of ours."
        raise DimseError("no_certificate", message, lasting=True) from missing


def why_not(attempt: Association, *, connected: bool) -> DimseError:
    if attempt.is_rejected:
        said = attempt.acceptor.primitive.reason_str
        return DimseError("peer_refused", f"It refused the association: {said}.")
    if not connected:
        return DimseError("peer_unreachable", "Nothing answers at its address.")
    if attempt.rejected_contexts:
        message = "It offers none of the services that were asked for."
        return DimseError("service_not_offered", message, lasting=True)
    return DimseError("peer_silent", "It did not agree on an association in time, or broke it off.")


def status_of(answer: Dataset) -> int:
    """Return the status of an answer.

    Raises:
        DimseError: there was no answer: the time is over, or the association broken off.
    """
    if "Status" not in answer:
        raise DimseError("peer_broke_off", "It broke off, or did not answer in time.")
    return int(answer.Status)


def succeeded(answer: Dataset) -> None:
    """Let success and warnings pass.

    Raises:
        DimseError: anything else.
    """
    status = status_of(answer)
    if code_to_category(status) not in ("Success", "Warning"):
        comment = str(answer.get("ErrorComment", ""))[:64]
        said = f"It answered with status {status:04X}" + (f": {comment}" if comment else "")
        raise DimseError("peer_failed", f"{said}.")
