"""Systems at the doors of DICOMweb and FHIR."""

from django.http import Http404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User


class IsClinicianOrSystem(IsAuthenticated):
    """Doctors, admins and systems pass; for others everything behind this does not exist.

    What a system's token is for, the view asks with `scopes.allows`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        user = request.user
        if not isinstance(user, User) or user.role == User.Role.STUDENT:
            raise Http404
        return True
