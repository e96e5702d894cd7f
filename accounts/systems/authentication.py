"""Bearer tokens of systems as DRF authentication (RFC 6750)."""

from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.systems.scopes import granted

PROTOCOLS = ("/fhir/", "/dicomweb/")
"""Where systems come in. Our own API is for people: a route is closed to systems by default."""


@dataclass(frozen=True)
class Access:
    """What a request may do: `request.auth` of systems."""

    scopes: tuple[str, ...]


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer` with a token of `POST /oauth/token`."""

    def authenticate(self, request: Request) -> tuple[Any, Access] | None:
        """Return the system's user and what its token is for.

        Raises:
            AuthenticationFailed: `invalid_token`.
            Forbidden: `not_for_systems` outside of the protocols' addresses.
        """
        # DRF loads this class while the errors that these raise are themselves being loaded.
        from accounts.systems.tokens import bearer
        from backend.api.errors import Forbidden

        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = bearer(token.strip())
        if found is None:
            message = "This token is not good, or not any more."
            raise AuthenticationFailed(message, code="invalid_token")
        if not request.path_info.startswith(PROTOCOLS):
            raise Forbidden("not_for_systems", "Systems come in by DICOMweb and FHIR only.")
        user = found.system.user
        user.system_account = found.system  # saves asking for it again
        # A token that was being given while the account's scopes were cut does not outdo them.
        return user, Access(tuple(granted(found.scopes, found.system.scopes)))

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme to use: this is what makes DRF answer 401 rather than 403."""
        if request.headers.get("Authorization", "")[:7].lower() == "bearer ":
            return 'Bearer realm="falx", error="invalid_token"'
        if request.path_info.startswith(PROTOCOLS):
            return 'Bearer realm="falx"'
        return "X-Session-Token"
