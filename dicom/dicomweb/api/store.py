"""The resource of all studies, and of one: searching (QIDO-RS) and storing (STOW-RS)."""

from django.http import HttpResponse, HttpResponseBase
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from accounts.api.permissions import user_of
from dicom.dicomweb.accept import DICOM, MULTIPART, choose
from dicom.dicomweb.api.base import (
    JSON_OFFERS,
    DicomwebView,
    json_answer,
    note_list,
    ranges_of,
    root_of,
)
from dicom.dicomweb.api.retrieve import retrieve
from dicom.dicomweb.api.search import SearchView, find_studies
from dicom.dicomweb.attributes import Json, dataset
from dicom.dicomweb.matching import Level, Query
from dicom.dicomweb.multipart import MultipartError, boundary_of
from dicom.dicomweb.services import store


class StudiesView(SearchView):
    level = Level.STUDY

    def get(self, request: Request) -> HttpResponse:
        return self.search(request)

    def find(self, request: Request, query: Query) -> tuple[list[Json], list[str], int]:
        return find_studies(request, query)

    def post(self, request: Request) -> HttpResponse:
        return store_body(request, None)


class StudyView(DicomwebView):
    def get(self, request: Request, study_uid: str) -> HttpResponseBase:
        return retrieve(request, "study.retrieve", study_uid)

    def post(self, request: Request, study_uid: str) -> HttpResponse:
        return store_body(request, study_uid)


def store_body(request: Request, study_uid: str | None) -> HttpResponse:
    """Take in the parts of a body (PS3.18, 10.5).

    Raises:
        UnsupportedMediaType: it is none of DICOM files.
        ParseError: it has no boundary, or nothing in it.
    """
    choose(ranges_of(request), JSON_OFFERS)  # before anything is kept
    content_type = request.headers.get("Content-Type", "")
    kind, parameters = parse_header_parameters(content_type)
    if kind != MULTIPART or parameters.get("type", DICOM).lower() != DICOM:
        raise UnsupportedMediaType(content_type[:200])
    try:
        boundary = boundary_of(content_type)
    except MultipartError as error:
        raise ParseError(str(error)) from error
    root = root_of(request)
    stored = store(
        request._request, boundary, user=user_of(request), study_uid=study_uid, root=root
    )
    note_list(request, "study.store", stored.patients)
    if not (stored.kept or stored.failed) and not stored.complete:
        raise ParseError("The body does not have the parts that its Content-Type announces.")
    answer = stored.answer
    if study_uid is not None:
        answer = answer | dataset(RetrieveURL=f"{root}/{study_uid}")
    return json_answer(request, answer, stored.status)
