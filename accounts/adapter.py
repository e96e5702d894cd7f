"""How django-allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import mails
from accounts.clients import address_of

LONGEST_ADDRESS = 254


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether students may make accounts for themselves; nobody else ever may."""
        return bool(settings.SIGN_UP_OPEN)

    def clean_email(self, email: str) -> str:
        """Refuse what does not fit: allauth would cut it off, and verify another address."""
        if len(email) > LONGEST_ADDRESS:
            raise ValidationError("This address is too long.", code="max_length")
        return email

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Without allauth's links: an app has no pages to open."""
        mails.already_an_account(email)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count failures by account alone.

        allauth counts by the Host header too, whose port a client may choose: every port would be
        a fresh start.
        """
        return str(credentials.get("email", "")).lower()
