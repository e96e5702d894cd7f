"""What a client takes: the Accept header (RFC 9110, 12.5.1; PS3.18, 8.7)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.http import parse_header_parameters
from rest_framework import status

from backend.api.errors import ApiError

MULTIPART = "multipart/related"
JSON = "application/dicom+json"
DICOM = "application/dicom"
OCTETS = "application/octet-stream"
_LONGEST = 4096
_LIST_ITEM = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,"])+')


class NotAcceptable(ApiError):
    status_code = status.HTTP_406_NOT_ACCEPTABLE


@dataclass(frozen=True)
class Range:
    """One media range of an Accept header.

    type: of the parts where `multipart`; may be `*/*` or `image/*`.
    syntax: the transfer syntax that is asked for; `*` for whatever is stored, empty for nothing.
    """

    type: str
    multipart: bool = False
    syntax: str = ""
    q: float = 1.0

    def takes(self, media_type: str) -> bool:
        main, _, _ = media_type.partition("/")
        return self.type in ("*/*", media_type, f"{main}/*")


@dataclass(frozen=True)
class Offer:
    """What could be answered with."""

    type: str
    multipart: bool = False


def parse(header: str) -> list[Range]:
    """Return the media ranges of an Accept header, the most wanted first.

    An empty header takes everything. What cannot be understood is left out, as is what the client
    says it does not want (`q=0`).
    """
    if not header.strip():
        return [Range("*/*")]
    ranges = map(_range, _LIST_ITEM.findall(header[:_LONGEST]))
    wanted = [found for found in ranges if found is not None and found.q > 0]
    return sorted(wanted, key=lambda r: (-r.q, "*" in r.type))


def choose(ranges: Iterable[Range], offers: Iterable[Offer]) -> tuple[Offer, Range]:
    """Return the first offer that the most wanted range takes, and this range.

    `*/*` outside of a multipart takes every offer.

    Raises:
        NotAcceptable: none fits.
    """
    offered = list(offers)
    for wanted in ranges:
        for offer in offered:
            either = not wanted.multipart and wanted.type == "*/*"
            if wanted.takes(offer.type) and (either or wanted.multipart == offer.multipart):
                return offer, wanted
    names = sorted({f"{MULTIPART}; type={o.type}" if o.multipart else o.type for o in offered})
    raise NotAcceptable("not_acceptable", f"This can be had as {', '.join(names)}.", field="Accept")


def _range(text: str) -> Range | None:
    try:
        kind, parameters = parse_header_parameters(text.strip())
        q = float(parameters.get("q") or 1)
    except ValueError:
        return None
    if not 0 <= q <= 1 or "/" not in kind:
        return None
    if kind in (MULTIPART, "multipart/*"):
        inner = (parameters.get("type") or "*/*").lower()
        return Range(inner, True, parameters.get("transfer-syntax", ""), q)
    return Range(kind.lower(), False, parameters.get("transfer-syntax", ""), q)
