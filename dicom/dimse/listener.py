"""The storage SCP: takes in what known systems send (PS3.4, annex B)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from django.conf import settings
from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import Verification

from dicom.dimse import entity, storing
from dicom.dimse.retrievals import expected_by_move, take
from dicom.dimse.server import Server
from dicom.inbox.services import Source, receive
from dicom.models import Peer, Retrieval
from dicom.peers import peer_calling
from scans.models import Instance, Series
from scans.series.header import Header
from scans.series.services import note_broken, note_resumed, settle

logger = logging.getLogger(__name__)

# PS3.8, 9.3.4: (result, source, reason) of an A-ASSOCIATE-RJ.
CALLING_AE_NOT_RECOGNISED = (1, 1, 3)
TEMPORARY_CONGESTION = (2, 3, 1)
# Requests that wait for those before them; nobody sends so many without an answer.
MOST_WAITING = 8


@dataclass
class Session:
    """What one association has brought."""

    peer: Peer
    last: dict[UUID, Instance] = field(default_factory=dict)  # by series
    count: int = 0
    incoming_bytes: int = 0
    retrievals: dict[str, Retrieval | None] = field(default_factory=dict)  # by study

    def retrieval_of(self, study_uid: str) -> Retrieval | None:
        if study_uid not in self.retrievals:
            self.retrievals[study_uid] = expected_by_move(self.peer, study_uid)
        return self.retrievals[study_uid]

    @property
    def whole_series(self) -> list[UUID]:
        """Series of which nothing more is expected once the association is released.

        Some scanners open an association for each slice: one slice alone says nothing of the rest.
        """
        return [
            series_id
            for series_id, instance in self.last.items()
            if self.count > 1 or instance.frames > 1
        ]


class Listener:
    """Listens from `start` until `stop`. One in a process."""

    def __init__(self, host: str, port: int) -> None:
        self.sessions: dict[Association, Session] = {}
        self.lock = Lock()
        self.busy = 0
        self.stopping = False
        own = entity.new_entity()
        own.maximum_associations = settings.DICOM_MAX_ASSOCIATIONS
        own.require_called_aet = True
        own.add_supported_context(Verification)
        for storage_class in entity.STORAGE_CLASSES:
            own.add_supported_context(storage_class, entity.UNCOMPRESSED + entity.COMPRESSED)
        self.server = own.make_server(
            (host, port),
            ssl_context=entity.server_tls(),
            evt_handlers=[
                (evt.EVT_REQUESTED, self.requested),
                (evt.EVT_C_ECHO, self.echo),
                (evt.EVT_C_STORE, self.store),
                (evt.EVT_PDU_RECV, self.count),
                (evt.EVT_DIMSE_RECV, self.came),
                (evt.EVT_RELEASED, self.released),
                (evt.EVT_ABORTED, self.aborted),
                (evt.EVT_CONN_CLOSE, self.closed),
            ],
            server_class=Server,
        )
        own._servers.append(self.server)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def serve(self) -> None:
        """Return when another thread calls `stop`."""
        self.server.serve_forever(poll_interval=0.2)

    def stop(self, grace_s: float = 30.0) -> None:
        """Take nothing new, finish what has come, hang up."""
        self.stopping = True
        if self.server in self.server.ae._servers:  # once
            self.server.shutdown()
        deadline = time.monotonic() + grace_s
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.05)
        left = self.server.active_associations
        for association in left:
            association.abort()
        for association in left:  # it may be settling what it brought
            association.join(timeout=max(0.0, deadline - time.monotonic()))

    # --- Who may ------------------------------------------------------------------------

    def requested(self, event: evt.Event) -> None:
        """Turn away whom we do not know, before anything else is negotiated."""
        association = event.assoc
        title = association.requestor.primitive.calling_ae_title
        address = association.requestor.address_info.address
        refusal = CALLING_AE_NOT_RECOGNISED
        try:
            peer = peer_calling(title, address)
        except Exception:
            logger.exception("Whether %r may associate cannot be looked up", title)
            peer, refusal = None, TEMPORARY_CONGESTION
        if peer is not None:
            for gone in [other for other in self.sessions if not other.is_alive()]:
                self.sessions.pop(gone, None)
            self.sessions[association] = Session(peer)
            return
        logger.warning("Association of %r at %s refused", title, address)
        association.acse.send_reject(*refusal)
        association.kill()

    def echo(self, event: evt.Event) -> int:
        return storing.SUCCESS

    # --- What comes ---------------------------------------------------------------------

    def store(self, event: evt.Event) -> Dataset:
        session = self.sessions[event.assoc]
        # We asked for it, by C-MOVE (PS3.7, 9.1.1.1.6).
        asked = event.request.MoveOriginatorApplicationEntityTitle == settings.DICOM_AE_TITLE
        if not (session.peer.may_store or asked):
            return storing.answer(storing.NOT_AUTHORISED, "This system may not store here.")
        with self.lock:
            if self.stopping:
                return storing.answer(storing.OUT_OF_RESOURCES, "Shutting down; send it later.")
            self.busy += 1
        try:
            return storing.store(
                event, lambda data, header: self.keep(session, data, header, asked=asked)
            )
        finally:
            with self.lock:
                self.busy -= 1

    def keep(self, session: Session, data: bytes, header: Header, *, asked: bool) -> None:
        instance: Instance | None
        if asked and (retrieval := session.retrieval_of(header.study_uid)):
            instance = take(retrieval, data, header)
        elif session.peer.may_store:
            source = Source(peer=session.peer, user=None, name=session.peer.name)
            instance = receive(data=data, header=header, source=source).instance
        else:
            raise storing.Refused(storing.NOT_AUTHORISED, "Nobody asked for this study.")
        session.count += 1
        if instance is not None:
            session.last[instance.series_id] = instance

    def count(self, event: evt.Event) -> None:
        """Hang up on an object that is larger than any may be."""
        session = self.sessions.get(event.assoc)
        if session is None or not isinstance(event.pdu, P_DATA_TF):
            return
        session.incoming_bytes += event.pdu.pdu_length
        waiting = event.assoc.dimse.msg_queue.qsize()
        if session.incoming_bytes > settings.DICOM_MAX_OBJECT_BYTES or waiting > MOST_WAITING:
            logger.warning("%s sends more at once than it may; hung up", session.peer)
            event.assoc.dul.socket.close()

    def came(self, event: evt.Event) -> None:
        if session := self.sessions.get(event.assoc):
            session.incoming_bytes = 0

    # --- The end ------------------------------------------------------------------------

    def released(self, event: evt.Event) -> None:
        """What it brought is whole, unless another association brings more of the same."""
        session = self.sessions.pop(event.assoc, None)
        if session is not None:
            elsewhere = {series for other in list(self.sessions.values()) for series in other.last}
            whole = session.whole_series
            for series_id, instance in session.last.items():
                if series_id not in whole:
                    self.note(note_resumed, instance)
                elif series_id not in elsewhere:
                    self.settle(instance)
            logger.info("%s sent %d objects", session.peer, session.count)

    def settle(self, instance: Instance) -> None:
        try:
            settle(instance.series, complete=True)
        except Exception:  # the sweep will
            logger.exception("Series %s could not be settled", instance.series_id)

    def aborted(self, event: evt.Event) -> None:
        """More may come, or not: what is there is settled when it has been quiet long enough."""
        if session := self.sessions.pop(event.assoc, None):
            logger.warning("%s broke off after %d objects", session.peer, session.count)
            for instance in session.last.values():
                self.note(note_broken, instance)

    def note(self, what: Callable[[Series], None], instance: Instance) -> None:
        try:
            what(instance.series)
        except Exception:
            logger.exception("Series %s could not be marked", instance.series_id)

    def closed(self, event: evt.Event) -> None:
        """In another thread than what is above, and before or after it."""
        storing.tidy(event.assoc)
