"""Roles at the door of the API. What a role may not see is not there: 404, not 403."""

from django.http import Http404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User


class IsClinician(IsAuthenticated):
    """Doctors and admins pass; for others everything behind this does not exist."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        user = request.user
        if not isinstance(user, User) or not (user.is_doctor or user.is_admin):
            raise Http404
        return True


class IsAdmin(IsAuthenticated):
    """Admins pass; for others everything behind this does not exist."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        if not isinstance(request.user, User) or not request.user.is_admin:
            raise Http404
        return True


def user_of(request: Request) -> User:
    """Return the signed-in user of a request that a permission class let through."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
