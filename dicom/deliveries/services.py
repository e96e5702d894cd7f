"""Results on their way to other systems: who gets which, and sending them."""

from tempfile import NamedTemporaryFile

from django.db import transaction
from django.db.models import Q, QuerySet

from dicom.deliveries import jobs
from dicom.dicomweb_client import PeerError, store
from dicom.dimse.store import send
from dicom.models import Delivery, Peer
from scans.models import Instance, Series

TASK = "dicom.deliver"


def deliver_to_all(*, instance: Instance, series: Series) -> None:
    """Have a result sent to everyone who wants it; once, however often this is called.

    Args:
        series: The one that the result is of.
    """
    for peer in recipients(series):
        with transaction.atomic():
            delivery, is_new = Delivery.objects.get_or_create(instance=instance, peer=peer)
            if is_new:
                jobs.send(TASK, delivery)


def recipients(series: Series) -> QuerySet[Peer]:
    """Return who gets the results of a series: those who sent something of its study.

    And those who give patients the same numbers as one of these: a scanner sends, its PACS keeps.
    Nobody gets results of what no other system sent, or who does not want them.
    """
    sources = Instance.objects.filter(series__study=series.study_id, series__ours=False)
    senders = Peer.objects.filter(pk__in=sources.values("sender_id"))
    same_numbers = Q(issuer__in=senders.exclude(issuer="").values("issuer"))
    wanted = Peer.objects.filter(active=True, wants_results=True)
    return wanted.filter(Q(pk__in=senders.values("pk")) | same_numbers)


def deliver(delivery: Delivery) -> None:
    """Send one object. Where it is not known whether it came, sending it again is harmless.

    Raises:
        Hopeless: it makes no sense to try again.
        PeerError, OSError: it does.
    """
    peer = delivery.peer
    if not peer.active:
        raise jobs.Hopeless("This system is switched off.")
    with delivery.instance.file.open("rb") as stored:
        data = stored.read()
    try:
        if peer.dicomweb_url:
            store(peer, [data])
        else:
            with NamedTemporaryFile(suffix=".dcm") as copy:
                copy.write(data)
                copy.flush()
                send(peer, [copy.name])
    except PeerError as error:
        if error.lasting:
            raise jobs.Hopeless(error.message) from error
        raise


@transaction.atomic
def retry(*, delivery: Delivery) -> Delivery:
    """Send again what was given up, with all its attempts before it.

    Raises:
        Conflict: `not_retryable` unless it was given up.
    """
    jobs.again(delivery, TASK)
    return delivery
