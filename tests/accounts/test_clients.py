"""Whose address a request comes from, with and without proxies, whatever a client writes."""

from typing import Any

import pytest
from django.test import RequestFactory

from accounts.clients import UNKNOWN, address_of, network_of


def seen(settings: Any, proxies: int, forwarded: str | None, connection: str = "10.0.0.1") -> str:
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=connection))


def test_without_proxies_what_a_client_writes_does_not_count(settings: Any) -> None:
    assert seen(settings, 0, "203.0.113.9") == "10.0.0.1"


def test_a_proxy_of_ours_is_believed_and_nobody_before_it(settings: Any) -> None:
    assert seen(settings, 1, "203.0.113.9") == "203.0.113.9"
    assert seen(settings, 1, "6.6.6.6, 203.0.113.9") == "203.0.113.9"
    assert seen(settings, 2, "6.6.6.6, 203.0.113.9, 10.0.0.2") == "203.0.113.9"


@pytest.mark.parametrize("forwarded", [None, "", "6.6.6.6"])
def test_who_goes_around_the_proxies_is_taken_by_the_connection(
    settings: Any, forwarded: str | None
) -> None:
    assert seen(settings, 2, forwarded) == "10.0.0.1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.9:5123", "203.0.113.9"),
        ("[2001:db8::1]:5123", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
        ("999.1.1.1", "10.0.0.1"),
    ],
)
def test_addresses_are_read_in_every_spelling(settings: Any, written: str, meant: str) -> None:
    assert seen(settings, 1, written) == meant


def test_a_connection_without_an_address_is_no_error(settings: Any) -> None:
    assert seen(settings, 0, None, connection="") == UNKNOWN


def test_limits_count_an_ipv6_client_as_its_network() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::"
    assert network_of("203.0.113.9") == "203.0.113.9"
