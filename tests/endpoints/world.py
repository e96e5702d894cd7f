"""A patient's file with one of each thing that an endpoint is about."""

from typing import Any
from uuid import UUID

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.invitations import invite
from accounts.models import DoctorApplication, User
from dicom.dimse.retrievals import request_retrieval
from dicom.inbox.services import Source, receive
from dicom.models import Delivery, Peer
from inference.models import Analysis, SeriesAnalysis
from inference.series.masks import pack
from patients.history.attachments import attach
from patients.history.files import check_file
from patients.models import Notice, Patient
from patients.team.emergency import open_file
from reports.archives.services import request_archive
from scans.models import Instance, Scan, Series
from scans.opinions import services as opinions
from scans.series.services import file_instance
from scans.uploads.services import begin
from tests.endpoints.table import COLLEAGUE, EMERGENCY, PEER
from tests.factories import UserFactory
from tests.samples import sample
from tests.series.make import as_bytes, make_series, uid

# What DICOMweb calls the slice that `filed` keeps.
NAMES = {
    "study_uid": uid("study", "1"),
    "series_uid": uid("series", "1", "1"),
    "instance_uid": uid("instance", "1.1.0"),
    "numbers": "1",
    "element": "7FE00010",
}


def furnish(done: Analysis, doctor: User) -> dict[str, Any]:
    """Add one of each thing to the file in which `done` is; return every route's parameters."""
    patient = done.scan.patient
    return {
        "slug": "glioma",
        "patient_id": patient.pk,
        "scan_id": done.scan_id,
        "analysis_id": done.id,
        "upload_id": begin(user=doctor, patient=patient, length=10).id,
        "peer_id": PEER,
        "retrieval_id": fetched(patient, doctor),
        "archive_id": request_archive(user=doctor, patient=patient).id,
        "entry_id": attached(patient, doctor),
        "merge_id": UUID(int=1),
        **shared(done.scan, doctor),
        **asking_in(),
        **filed(patient),
        "key": arrived(),
        "version": 1,
        "index": 0,
        **NAMES,
        "resource_type": "Patient",
        "resource_id": patient.pk,
        "document_id": done.id,
    }


def shared(scan: Scan, doctor: User) -> dict[str, UUID]:
    """Let one colleague into the file in an emergency, ask another about the scan."""
    patient = scan.patient
    Patient.objects.filter(pk=patient.pk).update(birth_date=EMERGENCY["birth_date"])
    rescuer, adviser = UserFactory.create_batch(2, role=User.Role.DOCTOR)
    UserFactory.create(pk=COLLEAGUE, role=User.Role.DOCTOR)
    access = open_file(doctor=rescuer, patient=patient, reason=EMERGENCY["reason"])
    opinion = opinions.ask(scan=scan, by=doctor, colleague=adviser, question="Glioma?")
    return {
        "user_id": rescuer.pk,
        "emergency_id": access.pk,
        "opinion_id": opinion.pk,
        "notice_id": Notice.objects.get(user=doctor).pk,
    }


def fetched(patient: Patient, doctor: User) -> UUID:
    peer = Peer.objects.create(pk=PEER, name="Archive")
    return request_retrieval(user=doctor, patient=patient, peer=peer, study_uid="1.2").pk


def attached(patient: Patient, doctor: User) -> UUID:
    file = check_file(SimpleUploadedFile("letter.jpg", sample("glioma").read_bytes()))
    return attach(patient=patient, author=doctor, file=file, occurred_at=timezone.now()).pk


def filed(patient: Patient) -> dict[str, UUID]:
    """A series with one slice stands in the file."""
    [one] = make_series(slices=1)
    instance = file_instance(patient=patient, data=as_bytes(one)).instance
    return {
        "study_id": instance.series.study_id,
        "series_id": instance.series_id,
        "instance_id": instance.pk,
        "series_analysis_id": reading_of(instance.series),
        "delivery_id": given_up(instance),
    }


def given_up(instance: Instance) -> UUID:
    peer = Peer.objects.create(name="Far away")
    return Delivery.objects.create(instance=instance, peer=peer, status="failed").pk


def arrived() -> UUID:
    """An object that nobody's number is in, by the key of its group in the inbox."""
    peer = Peer.objects.create(name="MR 1", issuer="St. Mary")
    (dataset,) = make_series(slices=1)
    received = receive(data=as_bytes(dataset), source=Source(peer, None, "MR1"))
    assert received.arrival is not None
    return received.arrival.group


def reading_of(series: Series) -> UUID:
    """A reading of the series that is done, with the smallest files there can be."""
    analysis = SeriesAnalysis(series=series, status="done", label="glioma", slices_total=1)
    packed = np.packbits(np.eye(8, dtype=bool), axis=-1)
    contents = {"masks": pack([packed], [(8, 8)]), "overlay": b"PNG", "heatmap": b"PNG"}
    for name, content in contents.items():
        analysis.files[name].save(name, ContentFile(content), save=False)
    analysis.save(force_insert=True)
    return analysis.pk


def asking_in() -> dict[str, UUID]:
    """Somebody is invited, somebody else applied and waits."""
    by = UserFactory.create(role=User.Role.ADMIN)
    invitation = invite(email="invited@example.org", role=User.Role.DOCTOR, by=by)
    application = DoctorApplication.objects.create(
        email="waiting@example.org",
        first_name="Lina",
        last_name="Saad",
        status=DoctorApplication.Status.WAITING,
        code_expires_at=timezone.now(),
    )
    return {"invitation_id": invitation.id, "application_id": application.id}
