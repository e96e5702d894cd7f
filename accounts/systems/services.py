"""Everything that changes systems' accounts."""

import hashlib
import secrets
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.systems.keys import check_keys
from accounts.systems.models import SystemAccount, new_client_id
from accounts.systems.signals import system_changed

SECRET_BYTES = 32


@transaction.atomic
def create_system(*, by: User | None, name: str, **fields: Any) -> SystemAccount:
    """Open an account for a system; without keys it needs a secret (`new_secret`).

    Raises:
        ValidationError
    """
    system = SystemAccount(name=name, client_id=new_client_id(), **fields)
    check(system)
    # No password, no address that mail could reach: nobody signs in with it anywhere.
    system.user = User(
        email=f"{system.client_id}@systems.invalid", last_name=name, role=User.Role.SYSTEM
    )
    system.user.save()
    system.save()
    system_changed.send(sender=SystemAccount, system=system, action="create", by=by)
    return system


@transaction.atomic
def update_system(*, by: User | None, system: SystemAccount, **fields: Any) -> SystemAccount:
    """Change what is given. Tokens that are out end: what they may do may have become less.

    Raises:
        ValidationError
    """
    was_active = SystemAccount.objects.select_for_update().get(pk=system.pk).active
    for name, value in fields.items():
        setattr(system, name, value)
    check(system)
    system.save()
    User.objects.filter(pk=system.user_id).update(last_name=system.name, is_active=system.active)
    end_tokens(system)
    action = "edit" if system.active == was_active else ("open" if system.active else "close")
    system_changed.send(sender=SystemAccount, system=system, action=action, by=by)
    return system


@transaction.atomic
def new_secret(*, by: User | None, system: SystemAccount) -> str:
    """Return a new secret, which is kept nowhere; the one before is void, and so are its tokens."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    system.secret_digest = digest(secret)
    system.save(update_fields=["secret_digest"])
    end_tokens(system)
    system_changed.send(sender=SystemAccount, system=system, action="secret", by=by)
    return secret


def end_tokens(system: SystemAccount) -> None:
    system.tokens.all().delete()


def check(system: SystemAccount) -> None:
    """Raise ValidationError unless everything about the account is right."""
    system.full_clean(exclude=["user"])
    if system.jwks is not None:
        check_keys(system.jwks)


def digest(secret: str) -> str:
    """Return what is kept of a secret: 256 random bits need no salt and no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()
