"""Everything that changes accounts, and who may have one."""

from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from backend.api.errors import Conflict

SHELL_LIFETIME = timedelta(days=1)
LICENCE = ("licence_number", "licence_body", "licence_country")


def create_account(*, email: str, password: str, **fields: Any) -> User:
    """Make an account whose address somebody has vouched for.

    Raises:
        ValidationError: the password is weak, or a field is not right.
        Conflict: `account_exists`.
    """
    refuse_second_account(email)
    try:
        validate_password(password, User(email=email, **fields))
    except ValidationError as weak:
        raise ValidationError({"password": weak.error_list}) from weak
    return User.objects.create_user(email, password, **fields)


def refuse_second_account(email: str) -> None:
    """Raise `account_exists` unless the address is free, for which an unproven sign-up must go."""
    unproven_sign_ups().filter(email__iexact=email).delete()
    if account_exists(email):
        message = "There is already an account with this address."
        raise Conflict("account_exists", message, field="email")


def account_exists(email: str) -> bool:
    """Look for an account that is somebody's: a sign-up that was never verified is nobody's."""
    found = User.objects.filter(email__iexact=email)
    return found.exclude(pk__in=unproven_sign_ups()).exists()


def unproven_sign_ups() -> QuerySet[User]:
    """Accounts whose address nobody has proven to be theirs."""
    verified = EmailAddress.objects.filter(verified=True).values("user_id")
    return User.objects.filter(last_login=None, emailaddress__verified=False).exclude(
        pk__in=verified
    )


def forget_unproven_sign_ups() -> None:
    unproven_sign_ups().filter(date_joined__lt=timezone.now() - SHELL_LIFETIME).delete()


@transaction.atomic
def update_profile(*, user: User, **fields: Any) -> User:
    """Change what people say about themselves.

    Raises:
        Conflict: `licence_approved`, when an approved licence would become another.
    """
    changed = {
        name for name in LICENCE if fields.get(name, getattr(user, name)) != getattr(user, name)
    }
    if changed and user.licence_approved_at:
        message = "An approved licence is changed by an administrator only."
        raise Conflict("licence_approved", message, field=min(changed))
    for name, value in fields.items():
        setattr(user, name, value)
    user.full_clean(exclude=["password"])
    user.save()
    return user


@transaction.atomic
def remove_second_factors(user: User) -> None:
    """Let somebody who lost phone and recovery codes sign in with the password alone, anew."""
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)


def end_sessions(user: User, *, but: str | None = None) -> None:
    """Sign a user out on every device, or on every other one than the session `but` is on."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=but):
        session.end()
