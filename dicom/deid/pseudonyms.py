"""What stands for a UID or a patient's number: always the same for the same, and not to be undone
without the key of this installation.
"""

import hmac
from hashlib import sha256
from uuid import UUID

from django.conf import settings

_WELL_KNOWN = "1.2.840.10008."  # PS3.6, annex A: SOP classes, transfer syntaxes, atlases


def new_uid(uid: str) -> str:
    """Return the UID that stands for another one (PS3.5, annex B.2)."""
    if not uid or uid.startswith(_WELL_KNOWN):
        return uid
    return f"2.25.{UUID(bytes=_digest('uid', uid)[:16], version=4).int}"


def pseudonym(number: str, issuer: str) -> str:
    """Return the number that stands for a patient's; empty for an empty one."""
    return f"FX-{_digest('patient', issuer, number).hex()[:16].upper()}" if number else ""


def _digest(*what: str) -> bytes:
    key = settings.DEIDENTIFICATION_KEY or settings.SECRET_KEY
    return hmac.digest(f"falx deid {key}".encode(), "\x00".join(what).encode(), sha256)
