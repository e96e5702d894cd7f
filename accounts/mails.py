"""What Falx writes to people about their accounts. allauth writes about codes and passwords."""

from smtplib import SMTPException
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string
from rest_framework import status

from accounts.models import DoctorApplication, Invitation
from backend.api.errors import ApiError


class MailNotSent(ApiError):
    """The mail server did not take it; whoever asked may ask again."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


def invitation(sent: Invitation, key: str) -> None:
    _send("invitation", sent.email, invitation=sent, key=key)


def application_code(application: DoctorApplication, code: str) -> None:
    _send("application_code", application.email, application=application, code=code)


def already_an_account(email: str) -> None:
    _send("already_an_account", email)


def already_waiting(email: str) -> None:
    _send("already_waiting", email)


def application_approved(application: DoctorApplication, sent: Invitation, key: str) -> None:
    context = {"application": application, "invitation": sent, "key": key}
    _send("application_approved", application.email, **context)


def application_refused(application: DoctorApplication) -> None:
    _send("application_refused", application.email, application=application)


def _send(name: str, email: str, **context: Any) -> None:
    """Send `accounts/mail/<name>` to one address.

    Raises:
        MailNotSent: inside a transaction, so that nothing stays of what the mail was to say.
    """
    subject = render_to_string(f"accounts/mail/{name}_subject.txt", context)
    body = render_to_string(f"accounts/mail/{name}_message.txt", context)
    try:
        send_mail(subject.strip(), body, None, [email])
    except (SMTPException, OSError) as failure:
        message = "The mail could not be sent. Try again in a few minutes."
        raise MailNotSent("mail_not_sent", message) from failure
