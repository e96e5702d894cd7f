from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import IsClinician, user_of
from accounts.models import User
from audit.api.lists import NotedList
from backend.api.conditional import IF_MATCH, require_match, with_etag
from backend.api.errors import ApiError
from backend.api.pagination import NewestFirst
from patients import selectors, services
from patients.access import Level, patients_for
from patients.api.access import get_patient
from patients.api.serializers import MyPatientSerializer, NewPatientSerializer, PatientSerializer
from patients.models import Patient

LONGEST_SEARCH = 200


class LatestAccess(NewestFirst):
    """A doctor's own patients can be read in this order; in that of all patients they could not."""

    ordering = ("-access_since", "-id")


@extend_schema_view(
    get=extend_schema(
        summary="My patients",
        tags=["patients"],
        parameters=[OpenApiParameter("search", str, description="Words of names and identifiers")],
    ),
)
class PatientsView(NotedList):
    permission_classes = [IsClinician]
    pagination_class = LatestAccess
    noted_as = "patients.search"
    serializer_class = MyPatientSerializer

    def get_queryset(self) -> QuerySet[Patient]:
        text = self.searched_for
        if len(text) > LONGEST_SEARCH:  # databases limit how much they compare with
            message = f"Search for at most {LONGEST_SEARCH} characters."
            raise ApiError("max_length", message, field="search")
        return selectors.search_patients(user_of(self.request), text)

    def shown(self, rows: Sequence[Patient]) -> dict[str, Any]:
        return {**super().shown(rows), "search": self.searched_for}

    @property
    def searched_for(self) -> str:
        return self.request.query_params.get("search", "").replace("\0", "")

    @extend_schema(
        summary="Open a patient's file",
        tags=["patients"],
        request=PatientSerializer,
        responses={201: NewPatientSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        given = PatientSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = user_of(request)
        made = services.create_patient(user=user, **given.validated_data)
        patient = get_patient(request, made.pk, action="patient.create")
        body = NewPatientSerializer(patient).data | {"warnings": warnings_about(patient, user)}
        return with_etag(Response(body, status=status.HTTP_201_CREATED), patient)


class PatientView(GenericAPIView[Patient]):
    permission_classes = [IsClinician]
    serializer_class = MyPatientSerializer

    @extend_schema(summary="A patient", tags=["patients"])
    def get(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="patient.read")
        return with_etag(Response(MyPatientSerializer(patient).data), patient)

    @extend_schema(
        summary="Edit a patient",
        tags=["patients"],
        parameters=[IF_MATCH],
        request=PatientSerializer,
    )
    @transaction.atomic
    def patch(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(
            request, patient_id, action="patient.edit", level=Level.WRITER, lock=True
        )
        require_match(request, patient, MyPatientSerializer)
        given = PatientSerializer(patient, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        patient = services.update_patient(
            user=user_of(request), patient=patient, **given.validated_data
        )
        return with_etag(Response(MyPatientSerializer(patient).data), patient)


def warnings_about(patient: Patient, user: User) -> list[dict[str, object]]:
    """Say that there may be another file of the same person; name those that the caller may see."""
    same = selectors.same_person(patient)
    if not same.exists():
        return []
    own = patients_for(user).filter(pk__in=same.values("pk")).values_list("pk", flat=True)
    message = "There is another file of a patient of this name who was born on the same day."
    return [{"code": "possible_duplicate", "message": message, "patients": list(own[:10])}]
