"""Who the other systems are: reading."""

import socket

from django.conf import settings
from django.db.models import QuerySet

from dicom.models import Peer


def peers() -> QuerySet[Peer]:
    return Peer.objects.all()


def peer_calling(ae_title: str, address: str) -> Peer | None:
    """Return the known application entity that calls from an address; None: we do not know it.

    With DICOM_CHECK_HOST also the address must be one of its host's.
    """
    peer = Peer.objects.filter(active=True, ae_title=ae_title.strip()).first()
    if peer is None or not settings.DICOM_CHECK_HOST:
        return peer
    return peer if address in addresses(peer.host) else None


def addresses(host: str) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return set()
