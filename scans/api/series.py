"""Studies, series and instances."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.conditional import IF_MATCH, require_match, with_etag
from backend.api.files import AnyAccepted, streamed_file
from backend.api.pagination import NewestFirst
from patients.access import Level
from patients.api.access import get_patient
from patients.models import Patient
from scans.api.series_serializers import (
    InstanceSerializer,
    ReportSerializer,
    SeriesSerializer,
    StudySerializer,
    StudyUploadSerializer,
    StudyWithSeriesSerializer,
)
from scans.models import Instance, Series, Study
from scans.series import selectors, services, uploads
from scans.series.pictures import thumbnail_png
from scans.series.spool import OneFileUploadHandler

CONTENT_TYPES = {"dicom": "application/dicom", "nifti": "application/octet-stream"}


@extend_schema_view(get=extend_schema(summary="A patient's studies", tags=["studies"]))
class PatientStudiesView(ListAPIView[Study]):
    permission_classes = [IsClinician]
    parser_classes = [MultiPartParser]
    serializer_class = StudySerializer

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if request.method == "POST" and not hasattr(request, "_files"):
            request.upload_handlers = [OneFileUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Study]:
        if getattr(self, "swagger_fake_view", False):
            return Study.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="studies.read")
        return selectors.counted(
            selectors.studies_for(user_of(self.request)).filter(patient=patient)
        )

    @extend_schema(
        summary="Upload a study: an archive, DICOM files, NIfTI volumes",
        description="Sent again, what is there already stays as it is and is counted: an upload "
        "that broke off is repeated whole. 200 if nothing was new.",
        tags=["studies"],
        request=StudyUploadSerializer,
        responses={200: ReportSerializer, 201: ReportSerializer},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="study.upload", level=Level.WRITER)
        form = StudyUploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        report = uploads.file_upload(
            user=user_of(request), patient=patient, files=form.validated_data["file"]
        )
        answer = status.HTTP_201_CREATED if report.filed else status.HTTP_200_OK
        return Response(ReportSerializer(report).data, status=answer)


class StudyView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="A study and its series", tags=["studies"], responses=StudyWithSeriesSerializer
    )
    def get(self, request: Request, study_id: UUID) -> Response:
        study = get_study(request, study_id, action="study.read")
        return Response(StudyWithSeriesSerializer(study).data)


class SeriesView(GenericAPIView[Series]):
    permission_classes = [IsClinician]
    serializer_class = SeriesSerializer

    @extend_schema(summary="A series", tags=["studies"])
    def get(self, request: Request, series_id: UUID) -> Response:
        series = get_series(request, series_id, action="series.read")
        return with_etag(Response(SeriesSerializer(series).data), series)

    @extend_schema(
        summary="Choose whether a series is to be read",
        tags=["studies"],
        parameters=[IF_MATCH],
        request=SeriesSerializer,
    )
    @transaction.atomic
    def patch(self, request: Request, series_id: UUID) -> Response:
        series = get_series(request, series_id, action="series.edit", level=Level.WRITER, lock=True)
        require_match(request, series, SeriesSerializer)
        given = SeriesSerializer(series, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        if "chosen" in given.validated_data:
            series = services.choose(series=series, chosen=given.validated_data["chosen"])
        return with_etag(Response(SeriesSerializer(series).data), series)


class FirstComeFirst(NewestFirst):
    ordering = ("created_at", "id")


@extend_schema_view(
    get=extend_schema(summary="A series' instances, in the order they came", tags=["studies"])
)
class SeriesInstancesView(ListAPIView[Instance]):
    permission_classes = [IsClinician]
    serializer_class = InstanceSerializer
    pagination_class = FirstComeFirst

    def get_queryset(self) -> QuerySet[Instance]:
        if getattr(self, "swagger_fake_view", False):
            return Instance.objects.none()
        series = get_series(self.request, self.kwargs["series_id"], action="instances.read")
        return selectors.instances_of(series)


class SeriesThumbnailView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="A small picture of the middle slice",
        tags=["studies"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, series_id: UUID) -> HttpResponse:
        series = get_series(request, series_id, action="series.thumbnail")
        picture = thumbnail_png(series)
        if picture is None:
            raise Http404
        return HttpResponse(picture, content_type="image/png")


class InstanceFileView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The original, byte for byte",
        tags=["studies"],
        responses={(200, kind): OpenApiTypes.BINARY for kind in CONTENT_TYPES.values()},
    )
    def get(self, request: Request, instance_id: UUID) -> HttpResponseBase:
        instance = get_instance(request, instance_id, action="instance.file")
        name = str(instance.file.name).rsplit("/", 1)[-1]
        return streamed_file(
            request, instance.file, CONTENT_TYPES[instance.format], download_as=name
        )


Thing = TypeVar("Thing", Study, Series, Instance)


def get_study(request: Request, study_id: UUID, *, action: str, level: int = Level.READER) -> Study:
    """Return the study that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s.
    """
    found = _or_404(lambda: selectors.study_for(user_of(request), study_id, level=level), Study)
    _note(request, action, found.patient, ("study", found.pk))
    return found


def get_series(
    request: Request,
    series_id: UUID,
    *,
    action: str,
    level: int = Level.READER,
    lock: bool = False,
) -> Series:
    """Return the series that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s.
    """
    found = _or_404(
        lambda: selectors.series_for(user_of(request), series_id, level=level, lock=lock), Series
    )
    _note(request, action, found.study.patient, ("series", found.pk))
    return found


def get_instance(
    request: Request, instance_id: UUID, *, action: str, level: int = Level.READER
) -> Instance:
    """Return the instance that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s.
    """
    found = _or_404(
        lambda: selectors.instance_for(user_of(request), instance_id, level=level), Instance
    )
    _note(request, action, found.series.study.patient, ("instance", found.pk))
    return found


def _or_404(find: Callable[[], Thing], kind: type[Thing]) -> Thing:
    try:
        return find()
    except kind.DoesNotExist as missing:
        raise Http404 from missing


def _note(request: Request, action: str, patient: Patient, subject: tuple[str, UUID]) -> None:
    note(request, action=action, patient_id=patient.pk, why=patient.access_via, subject=subject)
