"""The inbox: what other systems sent and nobody's file could take."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.models import Why
from audit.services import note
from backend.api.errors import ApiError
from backend.api.files import AnyAccepted
from backend.api.pagination import NewestFirst
from dicom.api.inbox_serializers import (
    AssignSerializer,
    DiscardedSerializer,
    DiscardSerializer,
    GroupDetailSerializer,
    GroupSerializer,
    OutcomeSerializer,
)
from dicom.inbox import decisions, selectors
from dicom.inbox.files import written_files
from dicom.inbox.pictures import picture
from dicom.models import Arrival
from patients.models import Patient


class MayLook(IsClinician):
    """Admins pass, and doctors where the inbox is theirs too."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        if not selectors.may_look(user_of(request)):
            raise Http404
        return True


class InboxPages(NewestFirst):
    ordering = ("-since", "-group")


@extend_schema_view(get=extend_schema(summary="What waits for a patient", tags=["inbox"]))
class InboxView(ListAPIView[Any]):
    permission_classes = [MayLook]
    serializer_class = GroupSerializer
    pagination_class = InboxPages

    def get_queryset(self) -> Any:
        return selectors.groups_for(user_of(self.request))

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        shown = [str(row["group"]) for row in page or []]
        note_look(self.request, "inbox.list", groups=shown)
        return page


class InboxGroupView(APIView):
    permission_classes = [MayLook]

    @extend_schema(
        summary="What one sender sent of one study of one person",
        description="`candidates` are patients of the caller's, for a person to choose from.",
        tags=["inbox"],
        responses=GroupDetailSerializer,
    )
    def get(self, request: Request, key: UUID) -> Response:
        user, group = user_of(request), get_group(request, key)
        told = {"number": group["patient_number"], "issuer": group["issuer"]}
        note_look(request, "inbox.read", key, **told)
        more = {
            "series": selectors.series_of(user, key),
            "candidates": selectors.candidates(user, group),
        }
        return Response(GroupDetailSerializer(group | more).data)


class InboxThumbnailView(APIView):
    permission_classes = [MayLook]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="A small picture from the middle of the largest series",
        tags=["inbox"],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, key: UUID) -> HttpResponse:
        try:
            arrival = selectors.picture_of(user_of(request), key)
        except Arrival.DoesNotExist as missing:
            raise Http404 from missing
        note_look(request, "inbox.thumbnail", key)
        return HttpResponse(picture(arrival), content_type="image/png")


class InboxAssignView(APIView):
    permission_classes = [MayLook]

    @extend_schema(
        summary="File it under a patient",
        description="The caller must be allowed to write in the patient's file.",
        tags=["inbox"],
        request=AssignSerializer,
        responses=OutcomeSerializer,
    )
    def post(self, request: Request, key: UUID) -> Response:
        given = AssignSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        get_group(request, key)
        with written_files() as written, transaction.atomic():
            try:
                patient, outcome = decisions.assign(
                    user=user_of(request),
                    group=key,
                    patient_id=asked["patient"],
                    add_identifier=asked["add_identifier"],
                    written=written,
                )
            except Patient.DoesNotExist as missing:
                message = "There is no such patient that you may see."
                raise ApiError("does_not_exist", message, field="patient") from missing
            note(
                request,
                action="inbox.assign",
                patient_id=patient.pk,
                why=patient.access_via,
                subject=("inbox", key),
                details={
                    "objects": outcome.filed + outcome.already_there,
                    "conflicts": len(outcome.conflicts),
                    "add_identifier": asked["add_identifier"],
                },
            )
        return Response(OutcomeSerializer(outcome).data)


class InboxDiscardView(APIView):
    permission_classes = [MayLook]

    @extend_schema(
        summary="Remove it, for good (admins)",
        tags=["inbox"],
        request=DiscardSerializer,
        responses=DiscardedSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, key: UUID) -> Response:
        given = DiscardSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        group = get_group(request, key)
        count = decisions.discard(user=user_of(request), group=key)
        told = {name: group[name] for name in ("patient_number", "issuer", "study_uid", "source")}
        reason = given.validated_data["reason"]
        note_look(request, "inbox.discard", key, objects=count, reason=reason, **told)
        return Response(DiscardedSerializer({"discarded": count}).data)


def get_group(request: Request, key: UUID) -> dict[str, Any]:
    try:
        return selectors.group_for(user_of(request), key)
    except Arrival.DoesNotExist as missing:
        raise Http404 from missing


def note_look(request: Request, action: str, key: UUID | None = None, **details: Any) -> None:
    """Write down a look at what belongs to no patient yet."""
    note(
        request,
        action=action,
        why=Why.ADMIN if user_of(request).is_admin else "",
        subject=("inbox", key) if key else None,
        details=details,
    )
