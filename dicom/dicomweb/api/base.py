"""What every resource of DICOMweb shares: who may ask, how answers are negotiated and sent."""

import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.exceptions import ObjectDoesNotExist
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import user_of
from accounts.api.throttling import PerUser
from accounts.models import User
from accounts.systems.permissions import IsClinicianOrSystem
from accounts.systems.scopes import allows
from audit.models import Why
from audit.services import note, noted
from backend.api.errors import Forbidden
from backend.api.files import AnyAccepted
from dicom.dicomweb import selectors
from dicom.dicomweb.accept import JSON, NotAcceptable, Offer, Range, choose, parse
from dicom.dicomweb.attributes import Json
from scans.decoding import DecodeError
from scans.models import Instance

logger = logging.getLogger(__name__)

JSON_OFFERS = (Offer(JSON), Offer("application/json"))


class MayUseDicomweb(IsClinicianOrSystem):
    """Doctors, admins, and systems whose scopes say so; for students nothing is here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        writes = request.method == "POST"
        if not allows(request, resource="DICOM", action="write" if writes else "read"):
            raise Forbidden("insufficient_scope", "The scopes of this access do not allow it.")
        return True


class PerViewer(PerUser):
    """A viewer asks for every slice: it may ask more often than an app."""

    scope = "dicomweb_per_user"


class DicomwebView(APIView):
    schema = None  # the standard describes it
    permission_classes = [MayUseDicomweb]
    throttle_classes = [PerViewer]
    content_negotiation_class = AnyAccepted

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ObjectDoesNotExist):
            exc = Http404()
        elif isinstance(exc, FileNotFoundError):
            logger.exception("A file that a row names is not in the storage", exc_info=exc)
            exc = Http404()
        elif isinstance(exc, DecodeError):  # it is there, but cannot be had like this
            exc = NotAcceptable(exc.code, exc.message)
        answer = super().handle_exception(exc)
        if answer.status_code == 404:
            self._note_refusal()
        return answer

    def _note_refusal(self) -> None:
        """The audit's own looks for ids, and these addresses have none (`audit.api.refusals`)."""
        uid, user = self.kwargs.get("study_uid"), self.request.user
        if uid is None or not isinstance(user, User) or noted(self.request):
            return
        if patient_id := selectors.patient_of(uid):
            note(self.request, action="refused", patient_id=patient_id)


def ranges_of(request: Request) -> list[Range]:
    """What the client takes; a query parameter stands in for the header (PS3.18, 8.3.3.1)."""
    return parse(request.query_params.get("accept") or request.headers.get("Accept", ""))


def json_answer(request: Request, data: Json | list[Json], status: int = 200) -> HttpResponse:
    """Answer in the DICOM JSON model.

    Raises:
        NotAcceptable: the client wants another; ask `choose` before anything is changed.
    """
    offer, _ = choose(ranges_of(request), JSON_OFFERS)
    return JsonResponse(data, status=status, safe=False, content_type=offer.type)


def streamed(request: Request, pieces: Iterator[bytes], content_type: str) -> HttpResponseBase:
    """Answer piece by piece; files are read in threads, as the client takes them."""
    lazily = pieces if isinstance(request._request, WSGIRequest) else _in_threads(pieces)
    return StreamingHttpResponse(lazily, content_type=content_type)


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    read = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await read()) is not None:
        yield piece


def unchanged(request: Request, etag: str) -> HttpResponseBase | None:
    """Return the 304 for a client that has this already, before any file is read."""
    found: HttpResponseBase | None = get_conditional_response(request._request, etag=etag)
    return found


def etag_of(instances: Iterable[Instance], *form: object) -> str:
    """The same for the same bytes of the same objects in the same form."""
    told = hashlib.sha256(repr(form).encode())
    for instance in instances:
        told.update(f"{instance.pk}{instance.sha256}".encode())
    return f'"{told.hexdigest()[:32]}"'


def root_of(request: Request) -> str:
    """The address of all studies."""
    return request.build_absolute_uri(reverse("dicomweb-studies"))


def get_instances(
    request: Request,
    action: str,
    study_uid: str,
    series_uid: str | None = None,
    instance_uid: str | None = None,
) -> list[Instance]:
    """Return all objects of a study, a series, or one; note what the caller does with them.

    Raises:
        ObjectDoesNotExist: there are none that the caller may see.
        Conflict: see `selectors.study_for`.
    """
    study = selectors.study_for(user_of(request), study_uid)

    def write_down(subject: tuple[str, UUID]) -> None:
        why = study.patient.access_via
        note(request, action=action, patient_id=study.patient_id, why=why, subject=subject)

    try:
        found = selectors.instances_of(study, series_uid, instance_uid)
    except Instance.DoesNotExist:  # who was let in and finds nothing was not refused
        write_down(("study", study.pk))
        raise
    subject = ("study", study.pk)
    if series_uid is not None:
        subject = ("series", found[0].series_id)
    if instance_uid is not None:
        subject = ("instance", found[0].pk)
    write_down(subject)
    return found


def note_list(request: Request, action: str, patients: Iterable[str]) -> None:
    """One event for what is shown of, or comes into, several files."""
    note(
        request,
        action=action,
        why=Why.ADMIN if user_of(request).is_admin else "",
        details={"patients": list(dict.fromkeys(patients))},
    )
