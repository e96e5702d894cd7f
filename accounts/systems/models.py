"""Accounts of hospital systems: who they are, what they may do, how they prove it."""

import secrets
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models

from accounts.systems.scopes import parse
from accounts.validators import printable


def new_client_id() -> str:
    return secrets.token_hex(12)


def texts(values: object) -> None:
    """Let only lists of lines pass in which there is something."""
    if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
        raise ValidationError("This is no list of issuers.", code="invalid_list")


def known_scopes(scopes: object) -> None:
    """Let only lists of scopes pass."""
    if not isinstance(scopes, list) or not scopes:
        raise ValidationError("Name at least one scope.", code="required")
    for scope in scopes:
        if not isinstance(scope, str) or parse(scope) is None:
            raise ValidationError(f"{scope} is no scope of a system.", code="invalid_scope")


class SystemAccount(models.Model):
    """A hospital system and its way in: a key pair of its own, or a secret.

    It sees the patients who have a number of one of its issuers. It is never deleted, since the
    audit and what it sent name it: it is closed.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="system_account",
        editable=False,
    )
    client_id = models.CharField(max_length=64, unique=True, default=new_client_id, editable=False)
    name = models.CharField(max_length=100, unique=True, validators=[printable])
    active = models.BooleanField(default=True, help_text="Off: it is refused from now on.")
    issuers = models.JSONField(
        default=list,
        blank=True,
        validators=[texts],
        help_text="Whose numbers its patients have, spelt as in the patients' files.",
    )
    scopes = models.JSONField(default=list, validators=[known_scopes])
    jwks = models.JSONField(
        "public keys", null=True, blank=True, help_text="A JWK set, where it has no address."
    )
    jwks_url = models.URLField(
        "address of its public keys", blank=True, validators=[URLValidator(schemes=["https"])]
    )
    secret_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class AccessToken(models.Model):
    """Lets whoever bears it act as the system for some minutes; only its digest is kept."""

    system = models.ForeignKey(SystemAccount, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    # Of the id of the assertion that it was given for: none is good for a second one.
    assertion = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    scopes = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.system} until {self.expires_at:%H:%M:%S}"
