"""How often a client may fail to prove who it is: guessing must not pay, nor keep others out."""

import hashlib

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.api.throttling import PerAddress, Window
from accounts.clients import address_of, network_of
from accounts.systems.tokens import OAuthError


class TooManyFailures(OAuthError):
    """Nothing is looked at any more until the window ends, be it right or wrong."""

    def __init__(self, wait_s: int) -> None:
        text = f"Too many failures. Ask again in {wait_s} s."
        super().__init__("temporarily_unavailable", text, status=429)
        self.wait_s = wait_s


class FailuresPerClient(Window):
    """Of one client from one address: elsewhere nobody can lock it out by guessing."""

    scope = "token_failures_per_client"

    def __init__(self, client_id: str) -> None:
        super().__init__()
        self.client_id = client_id

    def identity(self, request: HttpRequest | Request) -> str:
        told = f"{network_of(address_of(request))} {self.client_id}"
        return hashlib.sha256(told.encode(errors="replace")).hexdigest()


class FailuresPerAddress(PerAddress):
    """Of whomever an address says to be."""

    scope = "token_failures_per_address"


def limits_of(client_id: str) -> list[Window]:
    return [FailuresPerClient(client_id), FailuresPerAddress()]


def refuse_too_many(request: HttpRequest, client_id: str) -> None:
    """Raises:
    TooManyFailures
    """
    over = [limit for limit in limits_of(client_id) if limit.is_over(request)]
    if over:
        raise TooManyFailures(max(limit.wait() for limit in over))


def count_failure(request: HttpRequest, client_id: str) -> None:
    for limit in limits_of(client_id):
        limit.allow(request)
