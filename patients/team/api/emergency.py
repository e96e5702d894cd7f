"""Emergency access, and what becomes of it."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.pagination import NewestFirst
from patients.access import Level, patient_for, require
from patients.api.access import get_patient
from patients.models import EmergencyAccess, Patient
from patients.team import emergency, selectors
from patients.team.api.serializers import (
    EmergencyRequestSerializer,
    EmergencySerializer,
    ReviewSerializer,
)


class LatestOpened(NewestFirst):
    ordering = ("-opened_at", "-id")


class OpenInEmergencyView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Open a file in an emergency",
        description=(
            "For a doctor outside the care team, who names the patient exactly and says why. Team "
            "and admins are told at once. A wrong guess is a 404, counts, and is written down."
        ),
        tags=["emergency"],
        request=EmergencyRequestSerializer,
        responses={201: EmergencySerializer},
    )
    def post(self, request: Request) -> Response:
        given = EmergencyRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            access = self.try_to_open(request, **given.validated_data)
        except Throttled:
            note(request, action="emergency.limited", why="emergency")
            raise
        if access is None:
            raise Http404
        return Response(EmergencySerializer(access).data, status=status.HTTP_201_CREATED)

    @transaction.atomic
    def try_to_open(self, request: Request, reason: str, **who: object) -> EmergencyAccess | None:
        """Count and write down the try in the transaction that opens the file, or does not."""
        doctor = user_of(request)
        emergency.limit(doctor)
        try:
            patient = emergency.find(who)
            access = emergency.open_file(doctor=doctor, patient=patient, reason=reason)
        except Patient.DoesNotExist:
            by = {"reason": reason, "by": sorted(who)}
            note(request, action=emergency.REFUSED, why="emergency", details=by)
            return None
        note(
            request,
            action=emergency.OPENED,
            patient_id=patient.pk,
            why="emergency",
            subject=("emergency", access.pk),
            details={"reason": reason, "until": access.until.isoformat()},
        )
        return access


@extend_schema_view(get=extend_schema(summary="Emergency accesses to a file", tags=["emergency"]))
class EmergenciesView(ListAPIView[EmergencyAccess]):
    permission_classes = [IsClinician]
    serializer_class = EmergencySerializer
    pagination_class = LatestOpened

    def get_queryset(self) -> QuerySet[EmergencyAccess]:
        if getattr(self, "swagger_fake_view", False):
            return EmergencyAccess.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="emergencies.read")
        return selectors.emergencies_of(patient)


class EmergencyView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(summary="An emergency access", tags=["emergency"], responses=EmergencySerializer)
    def get(self, request: Request, emergency_id: UUID) -> Response:
        access, _ = get_emergency(request, emergency_id, action="emergency.read")
        return Response(EmergencySerializer(access).data)


class ReviewEmergencyView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Say what to think of it; owners and admins",
        tags=["emergency"],
        request=ReviewSerializer,
        responses=EmergencySerializer,
    )
    @transaction.atomic
    def post(self, request: Request, emergency_id: UUID) -> Response:
        access, patient = get_emergency(request, emergency_id, action="emergency.review")
        require(patient, Level.OWNER)
        given = ReviewSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        access = emergency.review(access=access, by=user_of(request), **given.validated_data)
        return Response(EmergencySerializer(access).data)


class EndEmergencyView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="End it before its time; the doctor, owners and admins",
        tags=["emergency"],
        request=None,
        responses=EmergencySerializer,
    )
    @transaction.atomic
    def post(self, request: Request, emergency_id: UUID) -> Response:
        access, patient = get_emergency(request, emergency_id, action="emergency.end")
        if access.doctor_id != user_of(request).pk:
            require(patient, Level.OWNER)
        return Response(EmergencySerializer(emergency.end(access=access)).data)


def get_emergency(
    request: Request, emergency_id: UUID, *, action: str
) -> tuple[EmergencyAccess, Patient]:
    """Return it with its patient, as the caller may see them, or answer 404."""
    try:
        access = selectors.emergency_for(user_of(request), emergency_id)
        patient = patient_for(user_of(request), access.patient_id)
    except (EmergencyAccess.DoesNotExist, Patient.DoesNotExist) as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=patient.pk,
        why=patient.access_via,
        subject=("emergency", access.pk),
    )
    return access, patient
