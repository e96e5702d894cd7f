"""Fetching a study into a chosen patient's file, as a job."""

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from audit.services import record
from backend.api.errors import ApiError, Conflict, Forbidden
from dicom import dicomweb_client
from dicom.deid.profile import deidentified_file, profile_for
from dicom.deliveries import jobs
from dicom.dicomweb_client import PeerError
from dicom.dimse import storing
from dicom.dimse.call import DimseError, has_address
from dicom.dimse.find import FoundStudy
from dicom.dimse.retrieve import Progress, retrieve
from dicom.inbox.matching import keys_of
from dicom.models import Peer, Retrieval
from dicom.peers import search
from patients.access import Level, patient_for
from patients.models import Patient
from patients.models.patient import PatientIdentifier
from scans.decoding import DecodeError
from scans.models import Instance
from scans.series.header import Header
from scans.series.services import file_instance, settle

TASK = "dicom.retrieve"
TELL_EVERY_S = 1.0


@transaction.atomic
def request_retrieval(
    *, user: User, patient: Patient, peer: Peer, study_uid: str, confirm_other_number: bool = False
) -> Retrieval:
    """Have a study fetched; asking again while it is being fetched changes nothing.

    Raises:
        Conflict: `peer_inactive`.
    """
    if not peer.active:
        raise Conflict("peer_inactive", "This system is switched off.", field="peer")
    running = Retrieval.objects.filter(
        patient=patient, peer=peer, study_uid=study_uid, status__in=Retrieval.OPEN
    )
    if first := running.first():
        return first
    retrieval = Retrieval.objects.create(
        patient=patient,
        peer=peer,
        study_uid=study_uid,
        requested_by=user,
        confirm_other_number=confirm_other_number,
        due_at=timezone.now() + timedelta(seconds=settings.ANALYSIS_RESEND_S),
    )
    jobs.send(TASK, retrieval)
    return retrieval


def run(retrieval: Retrieval) -> None:
    """Fetch it, as a worker. It may be fetched again: what is there already is not kept twice.

    Raises:
        Hopeless: it was not, and its row says why.
    """
    touched: dict[UUID, Instance] = {}
    complete = False
    try:
        fetch(retrieval, touched)
        complete = True
    except (PeerError, ApiError) as error:
        code = getattr(error, "code", "peer_failed")
        Retrieval.objects.filter(pk=retrieval.pk).update(error_code=code)
        raise jobs.Hopeless(error.message) from error
    finally:
        for instance in touched.values():
            settle(instance.series, complete=complete)
        record(
            user=retrieval.requested_by,
            action="retrieval.fetch",
            patient_id=retrieval.patient_id,
            subject=("retrieval", retrieval.pk),
            details={
                "peer": retrieval.peer.name,
                "study_uid": retrieval.study_uid,
                "confirm_other_number": retrieval.confirm_other_number,
            },
        )


def fetch(retrieval: Retrieval, touched: dict[UUID, Instance]) -> None:
    tell(retrieval, Progress(0, 0, 0))
    try:
        user = retrieval.requested_by
        if user is None:
            raise Patient.DoesNotExist
        patient_for(user, retrieval.patient_id, level=Level.WRITER)
    except (Patient.DoesNotExist, Forbidden) as lost:
        raise ApiError("no_access", "Who asked for it may no longer write in the file.") from lost
    study = the_study(retrieval)
    check_number(retrieval, study.patient_number, study.issuer)
    Retrieval.objects.filter(pk=retrieval.pk).update(
        expected=study.instances, error="", error_code=""
    )

    def keep(data: bytes, header: Header) -> None:
        instance = take(retrieval, data, header)
        touched[instance.series_id] = instance

    steps = (
        retrieve(retrieval.peer, retrieval.study_uid, keep)
        if has_address(retrieval.peer)
        else retrieve_by_web(retrieval, keep)
    )
    told = 0.0
    progress = Progress(0, 0, 0)
    for progress in steps:
        if time.monotonic() - told > TELL_EVERY_S:
            tell(retrieval, progress)
            told = time.monotonic()
    tell(retrieval, progress)


def the_study(retrieval: Retrieval) -> FoundStudy:
    for study in search(retrieval.peer, StudyInstanceUID=retrieval.study_uid):
        if study.study_uid == retrieval.study_uid:
            return study
    raise DimseError("study_not_found", "The system has no such study.", lasting=True)


def retrieve_by_web(retrieval: Retrieval, keep: storing.Keep) -> Iterator[Progress]:
    """The same by WADO-RS."""
    completed = failed = 0
    for data in dicomweb_client.retrieve(retrieval.peer, retrieval.study_uid):
        try:
            keep(data, Header.read(data))
            completed += 1
        except (ApiError, DecodeError):
            failed += 1
        yield Progress(completed, failed, 0)


def tell(retrieval: Retrieval, progress: Progress) -> None:
    """Show how far it is, and that its worker lives.

    Raises:
        DimseError: it is in other hands.
    """
    lease = timedelta(seconds=settings.RETRIEVAL_LEASE_S)
    held = Retrieval.objects.filter(pk=retrieval.pk, run_id=retrieval.run_id)
    if not held.update(
        completed=progress.completed, failed=progress.failed, due_at=timezone.now() + lease
    ):
        raise DimseError("worker_lost", "Another worker has taken over.")


def take(retrieval: Retrieval, data: bytes, header: Header) -> Instance:
    """File one object that came for a retrieval, once.

    Raises:
        ApiError: `other_study`, `other_number`, `number_of_another`, or as `file_instance`.
    """
    if header.study_uid != retrieval.study_uid:
        raise ApiError("other_study", "The object is of another study.")
    check_number(retrieval, header.patient_number, header.issuer)
    if profile := profile_for(retrieval.peer.deidentify):
        data = deidentified_file(data, profile)
        header = Header.read(data)
    filed = file_instance(
        patient=retrieval.patient,
        data=data,
        header=header,
        source=retrieval.peer.name,
        sender_id=retrieval.peer_id,
        user=retrieval.requested_by,
    )
    return filed.instance


def check_number(retrieval: Retrieval, number: str, issuer: str) -> None:
    """Let only pass what has a number of the patient's, or what a doctor took upon themselves.

    Names are never compared: people share them.

    Raises:
        ApiError: `other_number`; `number_of_another`, which no word of a doctor's helps against.
    """
    keys = keys_of(issuer or retrieval.peer.issuer, number)
    owners = set(
        PatientIdentifier.objects.filter(key__in=keys).values_list("patient_id", flat=True)
    )
    if retrieval.patient_id in owners:
        return
    if owners:
        raise ApiError("number_of_another", "The study has the number of another patient here.")
    if not retrieval.confirm_other_number:
        message = "The study does not have a number of this patient's; confirm that it is theirs."
        raise ApiError("other_number", message)


def expected_by_move(peer: Peer, study_uid: str) -> Retrieval | None:
    """Return the retrieval for which a peer sends a study to our listener."""
    running = Retrieval.objects.filter(
        peer=peer, study_uid=study_uid, status=Retrieval.Status.RUNNING
    )
    return running.select_related("patient", "peer", "requested_by").first()


def retrievals_of(patient: Patient) -> QuerySet[Retrieval]:
    return Retrieval.objects.filter(patient=patient).select_related("peer")


def retrieval_for(user: User, retrieval_id: UUID) -> Retrieval:
    """Return a retrieval for a patient's file that the user may see.

    Raises:
        Retrieval.DoesNotExist: also when it exists but is not for this user.
    """
    retrieval = Retrieval.objects.select_related("peer").get(pk=retrieval_id)
    try:
        retrieval.patient = patient_for(user, retrieval.patient_id)
    except Patient.DoesNotExist as hidden:
        raise Retrieval.DoesNotExist from hidden
    return retrieval
