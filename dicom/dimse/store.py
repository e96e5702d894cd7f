"""C-STORE: sending objects (PS3.4, annex B)."""

import os
from collections.abc import Iterable
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from dicom.dimse.call import DimseError, association, succeeded
from dicom.dimse.entity import UNCOMPRESSED
from dicom.models import Peer

MOST_CONTEXTS = 128  # PS3.8, 9.3.2.2: their ids are odd and one byte


def send(peer: Peer, paths: Iterable[str | os.PathLike[str]]) -> list[int]:
    """Send DICOM files over one association, each in its own transfer syntax where the peer takes
    it, else decompressed.

    Returns:
        The status of each: 0, or a warning.

    Raises:
        DimseError: it cannot be called, or refused one; `peer_failed` and `service_not_offered`
            after everything that it took was sent. Sending all again is harmless.
    """
    datasets = [dcmread(path) for path in map(Path, paths)]
    statuses: list[int] = []
    failures: list[DimseError] = []
    with association(peer, contexts_for(datasets)) as opened:
        for dataset in datasets:
            try:
                answer = opened.send_c_store(as_accepted(opened, dataset))
                succeeded(answer)
                statuses.append(int(answer.Status))
            except DimseError as refused:
                if refused.code not in ("peer_failed", "service_not_offered"):
                    raise
                failures.append(refused)
    if failures:
        raise failures[0]
    return statuses


def contexts_for(datasets: Iterable[Dataset]) -> list[PresentationContext]:
    """Offer each kind of object as it is, and decompressed in a context of its own."""
    offered: dict[tuple[UID, tuple[UID, ...]], None] = {}
    for dataset in datasets:
        syntax = UID(dataset.file_meta.TransferSyntaxUID)
        offered[(dataset.SOPClassUID, (syntax,))] = None
        offered[(dataset.SOPClassUID, tuple(UNCOMPRESSED))] = None
    pairs = list(offered)[:MOST_CONTEXTS]
    return [build_context(sop_class, list(syntaxes)) for sop_class, syntaxes in pairs]


def as_accepted(opened: Association, dataset: Dataset) -> Dataset:
    """Return the object in a transfer syntax that the peer takes.

    Raises:
        DimseError: `service_not_offered`: it takes none for this kind of object, or the pixels
            cannot be decompressed.
    """
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    taken = [
        context.transfer_syntax[0]
        for context in opened.accepted_contexts
        if context.abstract_syntax == dataset.SOPClassUID
    ]
    if syntax in taken or (taken and not syntax.is_compressed):
        return dataset
    if not any(UID(each) in UNCOMPRESSED for each in taken):
        message = f"It does not take objects of the kind {UID(dataset.SOPClassUID).name}."
        raise DimseError("service_not_offered", message, lasting=True)
    if "PixelData" not in dataset:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset
    try:
        dataset.decompress(generate_instance_uid=False)
    except Exception as broken:  # decoders raise what they like
        message = "It takes the object decompressed only, and that cannot be done."
        raise DimseError("service_not_offered", message, lasting=True) from broken
    return dataset
