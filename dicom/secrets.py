"""Passwords and tokens for other systems: in the environment, under names that begin with PEER_.

An admin chooses where such a secret is sent. Other variables hold what no admin may send anywhere,
such as the key that signs sessions.
"""

import os
import re

from django.core.validators import RegexValidator

_NAME = re.compile(r"\APEER_[A-Z0-9_]+\Z")

secret_name = RegexValidator(
    _NAME, "The name of such a variable begins with PEER_, e.g. PEER_PACS.", code="invalid_name"
)


class MissingSecret(LookupError):
    """The variable is not set, or is none that may be sent; the message says which."""


def secret_of(name: str) -> str:
    """Return the secret that the environment holds under a name; empty for no name.

    Raises:
        MissingSecret
    """
    if not name:
        return ""
    secret = os.environ.get(name) if _NAME.match(name) else None
    if secret is None:
        raise MissingSecret(f"The environment variable {name} is not set.")
    return secret
