from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import IsClinician, user_of
from backend.api.conditional import require_match, with_etag
from backend.api.errors import ApiError
from backend.api.pagination import NewestFirst
from patients import selectors, services
from patients.access import Level
from patients.api.access import get_patient
from patients.api.serializers import HistoryEntrySerializer, PatientSerializer
from patients.models import HistoryEntry, Patient

LONGEST_SEARCH = 200
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you read."
)


class TimelinePagination(NewestFirst):
    ordering = ("-occurred_at", "-id")


@extend_schema_view(
    get=extend_schema(
        summary="My patients",
        tags=["patients"],
        parameters=[OpenApiParameter("search", str, description="Words of name or record number")],
    ),
)
class PatientsView(ListAPIView[Patient]):
    permission_classes = [IsClinician]
    serializer_class = PatientSerializer

    def get_queryset(self) -> QuerySet[Patient]:
        text = self.request.query_params.get("search", "").replace("\0", "")
        if len(text) > LONGEST_SEARCH:  # databases limit how much they compare with
            message = f"Search for at most {LONGEST_SEARCH} characters."
            raise ApiError("max_length", message, field="search")
        return selectors.search_patients(user_of(self.request), text)

    @extend_schema(summary="Open a patient's file", tags=["patients"])
    def post(self, request: Request) -> Response:
        given = PatientSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        patient = services.create_patient(user=user_of(request), **given.validated_data)
        answer = Response(PatientSerializer(patient).data, status=status.HTTP_201_CREATED)
        return with_etag(answer, patient)


class PatientView(GenericAPIView[Patient]):
    permission_classes = [IsClinician]
    serializer_class = PatientSerializer

    @extend_schema(summary="A patient", tags=["patients"])
    def get(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="patient.read")
        return with_etag(Response(PatientSerializer(patient).data), patient)

    @extend_schema(summary="Edit a patient", tags=["patients"], parameters=[IF_MATCH])
    @transaction.atomic
    def patch(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(
            request, patient_id, action="patient.edit", level=Level.WRITER, lock=True
        )
        require_match(request, patient)
        given = PatientSerializer(patient, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        patient = services.update_patient(patient=patient, **given.validated_data)
        return with_etag(Response(PatientSerializer(patient).data), patient)


@extend_schema_view(get=extend_schema(summary="A patient's history", tags=["patients"]))
class HistoryView(ListAPIView[HistoryEntry]):
    """The timeline, newest first by when it happened."""

    permission_classes = [IsClinician]
    serializer_class = HistoryEntrySerializer
    pagination_class = TimelinePagination

    def get_queryset(self) -> QuerySet[HistoryEntry]:
        if getattr(self, "swagger_fake_view", False):
            return HistoryEntry.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="history.read")
        return selectors.history_of(patient)
