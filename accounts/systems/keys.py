"""The public keys that systems prove themselves with (RFC 7517)."""

from functools import lru_cache
from typing import Any

import jwt
from django.core.exceptions import ValidationError

from accounts.systems.models import SystemAccount

FETCH_TIMEOUT_S = 5
PRIVATE = {"d", "p", "q", "k"}
"""Members of a JWK that must never leave whom it belongs to (RFC 7518, section 6)."""


def key_of(system: SystemAccount, header: dict[str, Any]) -> jwt.PyJWK:
    """Return the key that a token's header names, or the only one that fits where it names none.

    Raises:
        jwt.PyJWTError: there is none, or it cannot be fetched.
    """
    if system.jwks_url:
        return keys_at(system.jwks_url).get_signing_key(str(header.get("kid")))
    named = header.get("kid")
    keys = jwt.PyJWKSet.from_dict(system.jwks or {}).keys
    fitting = [
        key
        for key in keys
        if key.public_key_use in ("sig", None)
        and (key.key_id == named if named else key.algorithm_name == header.get("alg"))
    ]
    if len(fitting) != 1:
        raise jwt.InvalidKeyError("no such key")
    return fitting[0]


@lru_cache(maxsize=64)
def keys_at(url: str) -> jwt.PyJWKClient:
    """Fetch keys from an address, for five minutes; an unknown key has them fetched sooner."""
    return jwt.PyJWKClient(url, timeout=FETCH_TIMEOUT_S)


def check_keys(jwks: Any) -> None:
    """Let only a set of public keys pass.

    Raises:
        ValidationError
    """
    try:
        keys = jwks["keys"]
        private = any(PRIVATE & key.keys() for key in keys)
        jwt.PyJWKSet.from_dict(jwks)
    except (jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError) as broken:
        message = "This is no JWK set with a key that can be used."
        raise ValidationError({"jwks": ValidationError(message, code="invalid_jwks")}) from broken
    if private:
        message = "This is a private key: it belongs to the system alone. Give the public one."
        raise ValidationError({"jwks": ValidationError(message, code="private_key")})
