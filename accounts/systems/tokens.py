"""Access tokens: how a system gets one (RFC 6749, section 4.4; RFC 7523), and whose one is."""

import hashlib
import secrets
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import jwt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.systems.keys import key_of
from accounts.systems.models import AccessToken, SystemAccount
from accounts.systems.scopes import granted
from accounts.systems.services import digest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384")  # SMART App Launch 2.2, section "Asymmetric authentication"
LONGEST_ASSERTION_S = 300
LEEWAY_S = 10
# What numbers without end and JSON without bottom come to.
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
CLAIMS = ["iss", "sub", "aud", "exp", "jti"]
# An assertion can be tried again while it is good: so long its token's row stays.
KEPT = timedelta(seconds=2 * LONGEST_ASSERTION_S)


class OAuthError(Exception):
    """An error as RFC 6749, section 5.2, names them."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


class InvalidClient(OAuthError):
    """The same for an account that is not there, is closed, or did not prove itself."""

    def __init__(self, description: str = "The client did not prove who it is.") -> None:
        super().__init__("invalid_client", description, status=401)


@dataclass(frozen=True)
class Issued:
    token: str
    scopes: list[str]
    lifetime_s: int


def issue(*, form: dict[str, str], authorization: str, endpoint: str) -> Issued:
    """Give a system a token for what it proves to be.

    Args:
        form: The request's parameters.
        authorization: The request's header of that name.
        endpoint: The address of the token endpoint, which an assertion must be meant for.

    Raises:
        OAuthError
    """
    grant = form.get("grant_type")
    if not grant:
        raise OAuthError("invalid_request", "grant_type is missing.")
    if grant != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is known here.")
    basic = authorization[:6].lower() == "basic "
    ways = [basic, "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise OAuthError("invalid_request", "A client proves itself in one way at a time.")
    used = None
    if "client_assertion" in form:
        system, used = by_assertion(form, endpoint)
    elif basic:
        system = by_secret(*basic_credentials(authorization))
    else:
        system = by_secret(form.get("client_id", ""), form.get("client_secret", ""))
    wanted = form.get("scope", "").split() or system.scopes
    scopes = granted(wanted, system.scopes)
    if not scopes:
        raise OAuthError("invalid_scope", "None of these scopes is for this client.")
    return write_down(system, scopes, used)


def claimed_by(form: dict[str, str], authorization: str) -> str:
    """Return who a client says that it is; nothing where it says nothing that can be read."""
    try:
        if "client_assertion" in form:
            assertion = form["client_assertion"]
            return str(jwt.decode(assertion, options={"verify_signature": False}).get("iss", ""))
        if authorization[:6].lower() == "basic ":
            return basic_credentials(authorization)[0]
    except (InvalidClient, jwt.PyJWTError, *UNREADABLE):
        return ""
    return form.get("client_id", "")


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Read `Authorization: Basic`, whose parts are form-encoded (RFC 6749, section 2.3.1)."""
    try:
        text = b64decode(authorization[6:].strip(), validate=True).decode()
    except ValueError as broken:
        raise InvalidClient from broken
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def by_secret(client_id: str, secret: str) -> SystemAccount:
    system = active(client_id)
    kept = system.secret_digest if system else ""
    # Compared in any case: how long it takes says nothing about who has an account.
    same = constant_time_compare(digest_of(secret), kept)
    if system is None or not kept or not same:
        raise InvalidClient
    return system


def by_assertion(form: dict[str, str], endpoint: str) -> tuple[SystemAccount, str]:
    """Check a signed assertion (RFC 7523, section 3); return whose it is, and what it is called."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_request", f"client_assertion_type is not {ASSERTION_TYPE}.")
    assertion = form["client_assertion"]
    try:
        header = jwt.get_unverified_header(assertion)
        if header.get("alg") not in ALGORITHMS:
            raise InvalidClient(f"An assertion is signed with {' or '.join(ALGORITHMS)}.")
        claimed = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
        system = active(claimed if isinstance(claimed, str) else "")
        if system is None or form.get("client_id", system.client_id) != system.client_id:
            raise InvalidClient
        claims = jwt.decode(
            assertion,
            key_of(system, header).key,
            algorithms=[header["alg"]],
            audience=endpoint,
            issuer=system.client_id,
            subject=system.client_id,
            leeway=LEEWAY_S,
            options={"require": CLAIMS},
        )
        expires_at = int(claims["exp"])
    except jwt.ExpiredSignatureError as expired:
        raise InvalidClient("The assertion has expired.") from expired
    except jwt.InvalidAudienceError as elsewhere:
        raise InvalidClient(f"The assertion is not meant for {endpoint}.") from elsewhere
    except (jwt.PyJWTError, *UNREADABLE) as broken:
        raise InvalidClient from broken
    if expires_at > timezone.now().timestamp() + LONGEST_ASSERTION_S + LEEWAY_S:
        raise InvalidClient("An assertion is good for five minutes at most.")
    return system, digest_of(f"{system.pk} {claims['jti']}")


def active(client_id: str) -> SystemAccount | None:
    if not client_id.isascii() or "\0" in client_id:
        return None
    return SystemAccount.objects.filter(client_id=client_id, active=True).first()


def write_down(system: SystemAccount, scopes: list[str], used: str | None) -> Issued:
    token, now = secrets.token_urlsafe(32), timezone.now()
    lifetime_s = settings.SYSTEM_TOKEN_S
    try:
        with transaction.atomic():
            AccessToken.objects.create(
                system=system,
                digest=digest(token),
                assertion=used,
                scopes=scopes,
                expires_at=now + timedelta(seconds=lifetime_s),
            )
    except IntegrityError as replayed:
        raise InvalidClient("The assertion was used before.") from replayed
    SystemAccount.objects.filter(pk=system.pk).update(last_used_at=now)
    return Issued(token, scopes, lifetime_s)


def bearer(token: str) -> AccessToken | None:
    """Return what is known of a token that is good."""
    found = AccessToken.objects.select_related("system__user").filter(
        digest=digest_of(token), expires_at__gt=timezone.now(), system__active=True
    )
    return found.filter(system__user__is_active=True).first()


def forget_expired(now: datetime | None = None) -> None:
    AccessToken.objects.filter(expires_at__lt=(now or timezone.now()) - KEPT).delete()


def digest_of(text: Any) -> str:
    """As `services.digest`, for what a client sent: it may have half characters in it."""
    return hashlib.sha256(str(text).encode(errors="replace")).hexdigest()
