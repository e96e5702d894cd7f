"""Who the other systems are, and what they have."""

import socket
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from dicom import dicomweb_client
from dicom.dimse.call import has_address
from dicom.dimse.find import MOST, FoundStudy, described, find
from dicom.models import Peer


def peers() -> QuerySet[Peer]:
    return Peer.objects.all()


def search(peer: Peer, **wanted: str) -> list[FoundStudy]:
    """Search a peer's studies, by C-FIND where it has an AE title, else by QIDO-RS.

    Args:
        wanted: Attributes by keyword, with `*` and ranges as DICOM has them.

    Raises:
        PeerError: it cannot be asked, or does not answer.
    """
    if has_address(peer) or not peer.dicomweb_url:
        return find(peer, **wanted)
    return [described(match) for match in dicomweb_client.search(peer, limit=MOST, **wanted)]


def save_peer(peer: Peer, **fields: Any) -> Peer:
    """Make a system known, or change what is known of it.

    Raises:
        ValidationError: e.g. another has this AE title.
    """
    for name, value in fields.items():
        setattr(peer, name, value)
    peer.full_clean()
    peer.save()
    return peer


def remove_peer(peer: Peer) -> None:
    peer.delete()


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
