"""Where a request comes from. Everything that counts, limits or records addresses asks here."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

UNKNOWN = "0.0.0.0"  # noqa: S104 - no address to listen on: what is written where none is known
IPV6_SITE_BITS = 64


def address_of(request: HttpRequest | Request) -> str:
    """Return the client's address as the outermost proxy of ours saw it.

    Each proxy appends the address that called it to `X-Forwarded-For`; with
    `TRUSTED_PROXY_COUNT` proxies of ours only that many entries from the end are ours, and whatever
    stands before them a client may have invented. A request with fewer entries went around the
    proxies: then the connection's own address counts.
    """
    connection = request.META.get("REMOTE_ADDR", "")
    trusted = settings.TRUSTED_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if trusted and len(forwarded) >= trusted:
        return _parsed(forwarded[-trusted]) or _parsed(connection) or UNKNOWN
    return _parsed(connection) or UNKNOWN


def network_of(address: str) -> str:
    """Return what limits count by: an IPv6 client has a whole /64 of addresses to itself."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_SITE_BITS), strict=False).network_address)
    return address


def _parsed(text: str) -> str | None:
    """Return an address in its one spelling, without the port that some proxies add, or None."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed)))  # without a zone
    return str(parsed)
