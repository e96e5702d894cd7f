"""The app's session token as DRF authentication."""

from typing import Any

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from rest_framework.request import Request


class SessionTokenAuthentication(XSessionTokenAuthentication):
    """`X-Session-Token` as given by `POST /_allauth/app/v1/auth/login`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and session.

        Raises:
            SecondFactorRequired: unless the view says `second_factor_optional`.
        """
        # DRF loads this class while the errors that these raise are themselves being loaded.
        from accounts import devices, second_factor

        found = super().authenticate(request)
        if found is None:
            return None
        user, session = found
        view = (getattr(request, "parser_context", None) or {}).get("view")
        if not getattr(view, "second_factor_optional", False) and second_factor.is_missing(
            user, session
        ):
            raise second_factor.SecondFactorRequired(user)
        devices.note_seen(session, request)
        return user, session

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme: this is what makes DRF answer 401 rather than 403."""
        return "X-Session-Token"
