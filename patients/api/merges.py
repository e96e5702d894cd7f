"""Making one file of two, for admins."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsAdmin, user_of
from audit.api.lists import NotedList
from audit.models import Why
from audit.services import note
from backend.api.errors import ApiError
from backend.api.pagination import NewestFirst
from patients import merge, selectors
from patients.api.access import get_patient
from patients.api.serializers import MergeRequestSerializer, MergeSerializer
from patients.models import Patient, PatientMerge


class MergePagination(NewestFirst):
    ordering = ("-merged_at", "-id")


class MergePatientView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Take another patient's file up into this one",
        tags=["patients"],
        request=MergeRequestSerializer,
        responses={201: MergeSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, patient_id: UUID) -> Response:
        given = MergeRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        kept = get_patient(request, patient_id, action="patient.merge")
        absorbed_id = given.validated_data["absorb"]
        try:
            made = merge.merge(
                user=user_of(request),
                kept_id=kept.pk,
                absorbed_id=absorbed_id,
                reason=given.validated_data["reason"],
            )
        except Patient.DoesNotExist as missing:
            message = "There is no such patient whose file could be taken up."
            raise ApiError("does_not_exist", message, field="absorb") from missing
        note(
            request,
            action="patient.absorbed",
            patient_id=absorbed_id,
            why=Why.ADMIN,
            details={"into": str(kept.pk)},
        )
        return Response(MergeSerializer(made).data, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(summary="All merges", tags=["patients"]))
class MergesView(NotedList):
    permission_classes = [IsAdmin]
    noted_as = "merges.list"
    serializer_class = MergeSerializer
    pagination_class = MergePagination
    queryset = selectors.merges()

    def shown(self, rows: Sequence[PatientMerge]) -> dict[str, Any]:
        return {"patients": [str(pk) for row in rows for pk in (row.kept_id, row.absorbed_id)]}


class UndoMergeView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Make two files of one again",
        tags=["patients"],
        request=None,
        responses=MergeSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, merge_id: UUID) -> Response:
        try:
            undone = merge.undo(user=user_of(request), merge_id=merge_id)
        except PatientMerge.DoesNotExist as missing:
            raise Http404 from missing
        for patient_id in (undone.kept_id, undone.absorbed_id):
            note(request, action="patient.unmerge", patient_id=patient_id, why=Why.ADMIN)
        return Response(MergeSerializer(undone).data)
