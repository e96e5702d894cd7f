"""The app's session token as DRF authentication."""

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from rest_framework.request import Request


class SessionTokenAuthentication(XSessionTokenAuthentication):
    """`X-Session-Token` as given by `POST /_allauth/app/v1/auth/login`."""

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme: this is what makes DRF answer 401 rather than 403."""
        return "X-Session-Token"
