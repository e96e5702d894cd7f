"""Asking to be let in as a doctor: an address is proven, then an admin decides.

Nothing here tells a stranger whether an address has an account or an application: every way
through `apply` sends one mail and gives one id.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from allauth.account.adapter import get_adapter
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import mails
from accounts.invitations import open_invitation
from accounts.models import DoctorApplication, User
from accounts.services import account_exists
from backend.api.errors import ApiError, Conflict

CODE_LIFETIME = timedelta(hours=1)
CODE_TRIES = 5
FORGOTTEN_AFTER = timedelta(days=1)
Status = DoctorApplication.Status


@transaction.atomic
def apply(*, email: str, **fields: Any) -> UUID:
    """Mail a code to whoever applies; return the id under which they give it back.

    An address with an account, or with an application that waits already, gets a mail that says
    so, and an id of nothing.

    Raises:
        MailNotSent: nothing is left of the application then.
    """
    email = email.lower()
    code = get_adapter().generate_email_verification_code()
    application = DoctorApplication(
        email=email,
        code=make_password(_bare(code)),
        code_expires_at=timezone.now() + CODE_LIFETIME,
        **fields,
    )
    application.full_clean()
    if account_exists(email):
        mails.already_an_account(email)
        return uuid4()
    if DoctorApplication.objects.filter(email=email, status=Status.WAITING).exists():
        mails.already_waiting(email)
        return uuid4()
    application.save()
    mails.application_code(application, code)
    return application.id


def verify(*, application_id: UUID, code: str) -> DoctorApplication:
    """Prove the address: from then on the application waits for a decision.

    The right code may come twice, from an app that did not get the first answer.

    Raises:
        ApiError: `incorrect_code`, whatever is wrong with it for somebody who does not know it;
            `code_expired` for somebody who does.
        Conflict: `already_waiting`.
    """
    known = DoctorApplication.objects.filter(pk=application_id)
    # Counted before it is compared, in a statement of its own: no refusal takes it back.
    tried = known.filter(code_tries__lt=CODE_TRIES).update(code_tries=F("code_tries") + 1)
    with transaction.atomic():
        application = known.select_for_update().first()
        if not tried or application is None or not check_password(_bare(code), application.code):
            message = "This code is not right, or was tried too often. Apply again for a new one."
            raise ApiError("incorrect_code", message, field="code")
        if application.status != Status.UNVERIFIED:
            return application
        if application.code_expires_at <= timezone.now():
            message = "This code has expired. Apply again for a new one."
            raise ApiError("code_expired", message, field="code")
        others = DoctorApplication.objects.filter(email=application.email).exclude(
            pk=application.pk
        )
        if others.filter(status=Status.WAITING).exists():
            message = "Another application of yours is waiting for a decision."
            raise Conflict("already_waiting", message)
        others.filter(status=Status.UNVERIFIED).delete()
        application.status = Status.WAITING
        application.save()
        return application


@transaction.atomic
def approve(*, application: DoctorApplication, by: User) -> DoctorApplication:
    """Invite the applicant as a doctor; the account is made when they set their password.

    Raises:
        Conflict: `already_decided` or `account_exists`.
        MailNotSent: it goes on waiting then.
    """
    application = _lock_waiting(application)
    invitation, key = open_invitation(email=application.email, role=User.Role.DOCTOR, by=by)
    application.invitation = invitation
    _decide(application, Status.APPROVED, by)
    mails.application_approved(application, invitation, key)
    return application


@transaction.atomic
def refuse(*, application: DoctorApplication, by: User, reason: str) -> DoctorApplication:
    """Tell the applicant why not.

    Raises:
        Conflict: `already_decided`.
        MailNotSent: it goes on waiting then.
    """
    application = _lock_waiting(application)
    application.refusal_reason = reason
    _decide(application, Status.REFUSED, by)
    mails.application_refused(application)
    return application


def forget_unverified() -> None:
    """Drop applications whose address nobody proved."""
    old = timezone.now() - FORGOTTEN_AFTER
    DoctorApplication.objects.filter(status=Status.UNVERIFIED, created_at__lt=old).delete()


def _lock_waiting(application: DoctorApplication) -> DoctorApplication:
    application = DoctorApplication.objects.select_for_update().get(pk=application.pk)
    if application.status != Status.WAITING:
        raise Conflict("already_decided", "This application was decided already.")
    return application


def _decide(application: DoctorApplication, status: Status, by: User) -> None:
    application.status, application.decided_by = status, by
    application.decided_at = timezone.now()
    application.full_clean()
    application.save()


def _bare(code: str) -> str:
    """Return what counts of a code that people copy by hand."""
    return "".join(character for character in code.upper() if character.isalnum())
