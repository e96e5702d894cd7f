"""The care team of a file, and the colleagues who could be in it."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from accounts.models import User
from audit.services import note
from backend.api.pagination import NewestFirst, Pages
from patients.access import Level, patient_for
from patients.api.access import get_patient
from patients.models import CareTeamMember, Patient
from patients.team import selectors, services
from patients.team.api.serializers import (
    ColleagueSerializer,
    HandOverSerializer,
    MemberChangeSerializer,
    MemberSerializer,
    NewMemberSerializer,
    SearchSerializer,
)


class FirstAdded(NewestFirst):
    ordering = ("added_at", "id")


class ByName(Pages):
    ordering = ("last_name", "first_name", "id")

    def check_position(self, position: str) -> None:
        if "\0" in position:
            raise ValueError("not a name")


@extend_schema_view(get=extend_schema(summary="Who may see the file", tags=["team"]))
class TeamView(ListAPIView[CareTeamMember]):
    permission_classes = [IsClinician]
    serializer_class = MemberSerializer
    pagination_class = FirstAdded

    def get_queryset(self) -> QuerySet[CareTeamMember]:
        if getattr(self, "swagger_fake_view", False):
            return CareTeamMember.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="team.read")
        return selectors.team_of(patient)

    @extend_schema(
        summary="Let a colleague in, for good or until a day",
        tags=["team"],
        request=NewMemberSerializer,
        responses={201: MemberSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = hold_team(request, patient_id)
        given = NewMemberSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        who = {name: fields.pop(name) for name in ("user", "email") if name in fields}
        member = services.add_member(
            patient=patient, by=user_of(request), user=selectors.colleague(**who), **fields
        )
        note_change(request, patient, "team.add", member)
        return Response(MemberSerializer(member).data, status=status.HTTP_201_CREATED)


class MemberView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Change what a member may do, or until when",
        tags=["team"],
        request=MemberChangeSerializer,
        responses=MemberSerializer,
    )
    @transaction.atomic
    def patch(self, request: Request, patient_id: UUID, user_id: UUID) -> Response:
        patient = hold_team(request, patient_id)
        given = MemberChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        member = services.change_member(
            member=get_member(patient, user_id), by=user_of(request), **given.validated_data
        )
        note_change(request, patient, "team.change", member)
        return Response(MemberSerializer(member).data)

    @extend_schema(
        summary="Take a member out; anybody may leave", tags=["team"], responses={204: None}
    )
    @transaction.atomic
    def delete(self, request: Request, patient_id: UUID, user_id: UUID) -> Response:
        leaves = user_of(request).pk == user_id
        patient = hold_team(request, patient_id, Level.READER if leaves else Level.OWNER)
        member = get_member(patient, user_id)
        services.remove_member(member=member, by=user_of(request))
        note_change(request, patient, "team.leave" if leaves else "team.remove", member)
        return Response(status=status.HTTP_204_NO_CONTENT)


class HandOverView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Hand the file over to another owner",
        tags=["team"],
        request=HandOverSerializer,
        responses=MemberSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = hold_team(request, patient_id)
        given = HandOverSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        owner = services.hand_over(
            patient=patient,
            by=user_of(request),
            to=selectors.colleague(user=given.validated_data["to"], field="to"),
            stay_as=given.validated_data["stay_as"],
        )
        note_change(request, patient, "team.hand_over", owner)
        return Response(MemberSerializer(owner).data)


@extend_schema_view(
    get=extend_schema(
        summary="Doctors to choose from",
        tags=["team"],
        parameters=[OpenApiParameter("search", str, description="Words of name or specialty")],
    )
)
class ColleaguesView(ListAPIView[User]):
    permission_classes = [IsClinician]
    serializer_class = ColleagueSerializer
    pagination_class = ByName

    def get_queryset(self) -> QuerySet[User]:
        asked = SearchSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        text = asked.validated_data.get("search", "")
        return selectors.search_colleagues(user_of(self.request), text)


def hold_team(request: Request, patient_id: UUID, level: Level = Level.OWNER) -> Patient:
    """Return the patient whose team the caller may change, held; or answer 404 or 403.

    As `get_patient`, but what is written down has to wait: it says about whom.
    """
    try:
        return patient_for(user_of(request), patient_id, level=level, lock=True)
    except Patient.DoesNotExist as missing:
        raise Http404 from missing


def note_change(request: Request, patient: Patient, action: str, member: CareTeamMember) -> None:
    """Write down what was done, to whose membership, and what it is now, or was."""
    note(
        request,
        action=action,
        patient_id=patient.pk,
        why=patient.access_via,
        subject=("user", member.user_id),
        details={
            "level": Level(member.level).name.lower(),
            "via": member.via,
            "expires_at": member.expires_at and member.expires_at.isoformat(),
        },
    )


def get_member(patient: Patient, user_id: UUID) -> CareTeamMember:
    try:
        return selectors.member_of(patient, user_id)
    except CareTeamMember.DoesNotExist as missing:
        raise Http404 from missing
