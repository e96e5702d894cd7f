from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import user_of
from backend.api.errors import Forbidden
from patients.api import views
from patients.api.access import get_patient
from reports.api.serializers import ErasureSerializer
from reports.erasure import erase


class PatientView(views.PatientView):
    """A patient, whom admins can erase."""

    @extend_schema(
        summary="Erase everything of a patient, for good; for admins",
        description='Wants a body, `{"reason": "…"}`: it stays in the audit.',
        tags=["patients"],
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, patient_id: UUID) -> Response:
        get_patient(request, patient_id, action="patient.erase")
        user = user_of(request)
        if not user.is_admin:
            raise Forbidden("admin_required", "Only an admin may erase a patient.")
        given = ErasureSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        erase(patient_id=patient_id, user=user, reason=given.validated_data["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)
