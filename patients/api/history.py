"""The history of a patient's file."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from audit.services import note
from backend.api.conditional import IF_MATCH, require_match, with_etag
from backend.api.files import AnyAccepted, file_response
from backend.api.pagination import NewestFirst, Pages
from patients.access import Level
from patients.api.access import get_patient
from patients.api.history_schema import ENTRIES, ENTRY, NEW_ENTRY
from patients.api.history_serializers import (
    AttachmentFormSerializer,
    EditSerializer,
    EntryFiltersSerializer,
    EntrySerializer,
    EntryVersionSerializer,
    ErrorReasonSerializer,
    ICD10CodeSerializer,
    ICD10ResultsSerializer,
    ICD10SearchSerializer,
    NewEntrySerializer,
)
from patients.history import dates, icd10, selectors, services
from patients.history.attachments import attach
from patients.history.files import check_file
from patients.models import Attachment, HistoryEntry, HistoryVersion, Patient


class TimelinePagination(NewestFirst):
    ordering = ("-occurred_at", "-id")
    # How many entries may have happened at the same moment: a day, a month or a year is one.
    offset_cutoff = 100_000


class VersionsPagination(Pages):
    ordering = ("-version",)

    def check_position(self, position: str) -> None:
        if not 0 <= int(position) < 2**31:
            raise ValueError("not a version")


@extend_schema_view(
    get=extend_schema(
        summary="A patient's history, newest first by when it happened",
        tags=["history"],
        parameters=[EntryFiltersSerializer],
        responses=ENTRIES,
    )
)
class HistoryView(ListAPIView[HistoryEntry]):
    permission_classes = [IsClinician]
    serializer_class = EntrySerializer
    pagination_class = TimelinePagination

    def get_queryset(self) -> QuerySet[HistoryEntry]:
        patient = get_patient(self.request, self.kwargs["patient_id"], action="history.read")
        given = EntryFiltersSerializer(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        return selectors.history_of(
            patient,
            kinds=wanted.get("kind", ()),
            statuses=wanted.get("status") or (HistoryEntry.Status.CURRENT,),
            since=wanted["since"].begins if "since" in wanted else None,
            before=wanted["until"].ends if "until" in wanted else None,
            author=wanted.get("author"),
            search=wanted.get("search", ""),
        )

    @extend_schema(
        summary="Write an entry",
        tags=["history"],
        request=NEW_ENTRY,
        responses={201: ENTRY},
    )
    @transaction.atomic
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="history.create", level=Level.WRITER)
        given = NewEntrySerializer(data=request.data, context=about(patient))
        given.is_valid(raise_exception=True)
        entry = services.write(
            patient=patient,
            kind=given.validated_data["kind"],
            data=given.validated_data["data"],
            author=user_of(request),
            **happened(given.validated_data["occurred_at"]),
        )
        return answer(entry, status.HTTP_201_CREATED)


class AttachmentsView(APIView):
    permission_classes = [IsClinician]
    parser_classes = [MultiPartParser]

    @extend_schema(
        summary="Attach a PDF or a picture",
        tags=["history"],
        request=AttachmentFormSerializer,
        responses={201: ENTRY},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="attachment.create", level=Level.WRITER)
        given = AttachmentFormSerializer(data=request.data, context=about(patient))
        given.is_valid(raise_exception=True)
        entry = attach(
            patient=patient,
            author=user_of(request),
            file=check_file(given.validated_data["file"]),
            text=given.validated_data.get("text", ""),
            **happened(given.validated_data.get("occurred_at") or dates.now()),
        )
        return answer(entry, status.HTTP_201_CREATED)


class EntryView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(summary="An entry", tags=["history"], responses=ENTRY)
    def get(self, request: Request, entry_id: UUID) -> Response:
        return answer(get_entry(request, entry_id, action="entry.read"))

    @extend_schema(
        summary="Edit an entry; what it said before is kept",
        tags=["history"],
        parameters=[IF_MATCH],
        request=EditSerializer,
        responses=ENTRY,
    )
    @transaction.atomic
    def patch(self, request: Request, entry_id: UUID) -> Response:
        entry = get_entry(request, entry_id, action="entry.edit", level=Level.WRITER, lock=True)
        services.require_editable(entry)
        require_match(request, entry, EntrySerializer)
        given = EditSerializer(data=request.data, context={"entry": entry} | about(entry.patient))
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        entry = services.amend(
            entry=entry,
            author=user_of(request),
            data=wanted.get("data"),
            reason=wanted.get("reason", ""),
            **(happened(wanted["occurred_at"]) if "occurred_at" in wanted else {}),
        )
        return answer(entry)

    @extend_schema(
        summary="Mark an entry as entered in error; it stays, with the reason",
        tags=["history"],
        parameters=[IF_MATCH],
        request=ErrorReasonSerializer,
        responses=ENTRY,
    )
    @transaction.atomic
    def delete(self, request: Request, entry_id: UUID) -> Response:
        entry = get_entry(request, entry_id, action="entry.delete", level=Level.WRITER, lock=True)
        services.require_editable(entry)
        require_match(request, entry, EntrySerializer)
        given = ErrorReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reason = given.validated_data["reason"]
        return answer(services.mark_as_error(entry=entry, author=user_of(request), reason=reason))


@extend_schema_view(
    get=extend_schema(summary="All that an entry ever said, the latest first", tags=["history"])
)
class VersionsView(ListAPIView[HistoryVersion]):
    permission_classes = [IsClinician]
    serializer_class = EntryVersionSerializer
    pagination_class = VersionsPagination

    def get_queryset(self) -> QuerySet[HistoryVersion]:
        if getattr(self, "swagger_fake_view", False):
            return HistoryVersion.objects.none()
        entry = get_entry(self.request, self.kwargs["entry_id"], action="entry.versions")
        return selectors.versions_of(entry)


class AttachmentFileView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The file of an attachment, byte for byte",
        tags=["history"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, entry_id: UUID) -> HttpResponse:
        entry = get_entry(request, entry_id, action="attachment.file")
        try:
            attachment = selectors.attachment_of(entry)
        except Attachment.DoesNotExist as missing:
            raise Http404 from missing
        name = entry.data["original_name"] or f"{entry.pk}.{attachment.format}"
        return file_response(attachment.file, attachment.content_type, download_as=name)


class ICD10View(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        summary="Find a code of ICD-10 (WHO, 2019; a subset)",
        tags=["history"],
        parameters=[ICD10SearchSerializer],
        responses=ICD10ResultsSerializer,
    )
    def get(self, request: Request) -> Response:
        given = ICD10SearchSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        found = icd10.search(given.validated_data.get("search", ""))
        return Response({"results": ICD10CodeSerializer(found, many=True).data})


def get_entry(
    request: Request,
    entry_id: UUID,
    *,
    action: str,
    level: int = Level.READER,
    lock: bool = False,
) -> HistoryEntry:
    """Return the entry that the caller may see, and write that down; or answer 404.

    Arguments as `get_patient`'s.
    """
    try:
        entry = selectors.entry_for(user_of(request), entry_id, level=level, lock=lock)
    except HistoryEntry.DoesNotExist as missing:
        raise Http404 from missing
    note(
        request,
        action=action,
        patient_id=entry.patient_id,
        why=entry.patient.access_via,
        subject=("entry", entry.pk),
    )
    return entry


def about(patient: Patient) -> dict[str, Any]:
    return {"patient": patient, "birth_date": patient.birth_date}


def happened(when: dates.When) -> dict[str, Any]:
    return {"occurred_at": when.begins, "precision": when.precision}


def answer(entry: HistoryEntry, code: int = status.HTTP_200_OK) -> Response:
    return with_etag(Response(EntrySerializer(entry).data, status=code), entry)
