"""Other systems: who they are, whether they answer, what they have, and fetching it."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.forms import model_to_dict
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsAdmin, IsClinician, user_of
from audit.models import Why
from audit.services import note
from backend.api.conditional import IF_MATCH, require_match, with_etag
from backend.api.errors import ApiError
from backend.api.pagination import NewestFirst
from dicom import peers
from dicom.api.peers_serializers import (
    EchoSerializer,
    FoundStudySerializer,
    NewRetrievalSerializer,
    PeerSerializer,
    RetrievalSerializer,
    StudySearchSerializer,
)
from dicom.dicomweb_client import PeerError
from dicom.dimse import retrievals
from dicom.dimse.echo import echo
from dicom.models import Peer, Retrieval
from patients.access import Level
from patients.api.access import get_patient


class BadGateway(ApiError):
    """Another system did not do what we asked of it."""

    status_code = status.HTTP_502_BAD_GATEWAY


class AdminsWrite(IsClinician):
    """Clinicians read, admins write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        rule: BasePermission = IsClinician() if request.method in ("GET", "HEAD") else IsAdmin()
        return rule.has_permission(request, view)


@extend_schema_view(get=extend_schema(summary="Other systems", tags=["other systems"]))
class PeersView(ListAPIView[Peer]):
    permission_classes = [AdminsWrite]
    pagination_class = NewestFirst
    serializer_class = PeerSerializer

    def get_queryset(self) -> QuerySet[Peer]:
        return peers.peers()

    @extend_schema(
        summary="Make a system known",
        tags=["other systems"],
        request=PeerSerializer,
        responses={201: PeerSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        given = PeerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        peer = peers.save_peer(Peer(), **given.validated_data)
        note_change(request, peer, "create")
        body = PeerSerializer(peer).data
        return with_etag(Response(body, status=status.HTTP_201_CREATED), peer)


class PeerView(APIView):
    permission_classes = [AdminsWrite]

    @extend_schema(summary="A system", tags=["other systems"], responses=PeerSerializer)
    def get(self, request: Request, peer_id: UUID) -> Response:
        peer = get_peer(peer_id)
        return with_etag(Response(PeerSerializer(peer).data), peer)

    @extend_schema(
        summary="Change what is known of a system",
        tags=["other systems"],
        parameters=[IF_MATCH],
        request=PeerSerializer,
        responses=PeerSerializer,
    )
    @transaction.atomic
    def patch(self, request: Request, peer_id: UUID) -> Response:
        peer = get_peer(peer_id)
        require_match(request, peer, PeerSerializer)
        given = PeerSerializer(peer, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        peer = peers.save_peer(peer, **given.validated_data)
        note_change(request, peer, "edit")
        return with_etag(Response(PeerSerializer(peer).data), peer)

    @extend_schema(
        summary="Forget a system, and what was on its way to it",
        tags=["other systems"],
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, peer_id: UUID) -> Response:
        peer = get_peer(peer_id)
        note_change(request, peer, "delete")
        peers.remove_peer(peer)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PeerEchoView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Ask a system whether it is there (C-ECHO)",
        tags=["other systems"],
        request=None,
        responses=EchoSerializer,
    )
    def post(self, request: Request, peer_id: UUID) -> Response:
        try:
            return Response({"elapsed_ms": echo(get_peer(peer_id))})
        except PeerError as error:
            raise as_answer(error) from error


class PeerStudiesView(APIView):
    """What another system has shows other people's data: every search is written down."""

    permission_classes = [IsClinician]

    @extend_schema(
        summary="Search a system's studies",
        tags=["other systems"],
        parameters=[StudySearchSerializer],
        responses=FoundStudySerializer(many=True),
    )
    def get(self, request: Request, peer_id: UUID) -> Response:
        peer = get_peer(peer_id)
        asked = StudySearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        details = {"peer": peer.name, **asked.validated_data}
        note(request, action="pacs.search", details=details)
        try:
            found = peers.search(peer, **asked.as_attributes())
        except PeerError as error:
            raise as_answer(error) from error
        return Response(FoundStudySerializer(found, many=True).data)


@extend_schema_view(get=extend_schema(summary="What was fetched", tags=["other systems"]))
class PatientRetrievalsView(ListAPIView[Retrieval]):
    permission_classes = [IsClinician]
    serializer_class = RetrievalSerializer

    def get_queryset(self) -> QuerySet[Retrieval]:
        if getattr(self, "swagger_fake_view", False):
            return Retrieval.objects.none()
        patient = get_patient(self.request, self.kwargs["patient_id"], action="retrievals.read")
        return retrievals.retrievals_of(patient)

    @extend_schema(
        summary="Fetch a study into the patient's file",
        description="The study must have a number of the patient's, or the caller says that it is "
        "theirs all the same (`confirm_other_number`). Names are not compared.",
        tags=["other systems"],
        request=NewRetrievalSerializer,
        responses={202: RetrievalSerializer},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="retrieval.request", level=Level.WRITER)
        given = NewRetrievalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        retrieval = retrievals.request_retrieval(
            user=user_of(request), patient=patient, **given.validated_data
        )
        return Response(RetrievalSerializer(retrieval).data, status=status.HTTP_202_ACCEPTED)


class RetrievalView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(summary="How far it is", tags=["other systems"], responses=RetrievalSerializer)
    def get(self, request: Request, retrieval_id: UUID) -> Response:
        try:
            retrieval = retrievals.retrieval_for(user_of(request), retrieval_id)
        except Retrieval.DoesNotExist as missing:
            raise Http404 from missing
        note(
            request,
            action="retrieval.read",
            patient_id=retrieval.patient_id,
            why=retrieval.patient.access_via,
            subject=("retrieval", retrieval.pk),
        )
        return Response(RetrievalSerializer(retrieval).data)


def note_change(request: Request, peer: Peer, verb: str) -> None:
    """Write down what decides whose word counts for all files, and who gets results."""
    note(
        request,
        action=f"peer.{verb}",
        why=Why.ADMIN,
        subject=("peer", peer.pk),
        details=model_to_dict(peer),
    )


def get_peer(peer_id: UUID) -> Peer:
    try:
        return peers.peers().get(pk=peer_id)
    except Peer.DoesNotExist as missing:
        raise Http404 from missing


def as_answer(error: PeerError) -> ApiError:
    code: Any = getattr(error, "code", "peer_failed")
    if code == "no_dimse_address":
        return ApiError(code, error.message)
    return BadGateway(code, error.message)
