"""How django-allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import mails
from accounts.clients import address_of


class VerifySignUps(EmailVerificationStage):
    """Ask for a code those who signed up by themselves.

    An address that an admin entered, or that was invited, has no row of allauth's: it is vouched
    for.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user and not EmailAddress.objects.filter(user=user).exists():
            return None, True
        outcome: tuple[HttpResponse | None, bool] = super().handle()
        return outcome


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether students may make accounts for themselves; nobody else ever may."""
        return bool(settings.SIGN_UP_OPEN)

    def get_login_stages(self) -> list[str]:
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = f"{VerifySignUps.__module__}.{VerifySignUps.__name__}"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]

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
