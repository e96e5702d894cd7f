"""The little Markdown of the tumour pages: paragraphs, bullets, **bold** and citations `[@key]`.

So little that a library would bring more than is wanted (raw HTML, images, links to anywhere).
"""

import re
from collections.abc import Mapping
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

CITATION = re.compile(r"\[@([a-z0-9-]+)\]")
_INLINE = re.compile(r"(\*\*.+?\*\*|\[@[a-z0-9-]+\])")
_BULLET = "- "

# Source key -> (its number in the list of sources, its address)
Links = Mapping[str, tuple[int, str]]


def cited_keys(text: str) -> list[str]:
    """Return the keys of the cited sources in order of first use."""
    return list(dict.fromkeys(CITATION.findall(text)))


def to_markdown(text: str, links: Links) -> str:
    """Replace `[@key]` by a numbered link that any Markdown widget renders: `[[2]](https://…)`."""

    def link(match: re.Match[str]) -> str:
        if match[1] not in links:
            return match[0]
        number, address = links[match[1]]
        return f"[[{number}]]({address})"

    return CITATION.sub(link, text)


def to_html(text: str, links: Links) -> SafeString:
    """Render a section as HTML; whatever is not our Markdown is shown as it was typed."""
    blocks = groupby(text.splitlines(), key=_kind)
    return format_html_join(
        "\n", "{}", ((_block(kind, list(lines), links),) for kind, lines in blocks)
    )


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    return "list" if line.startswith(_BULLET) else "paragraph"


def _block(kind: str, lines: list[str], links: Links) -> SafeString:
    if kind == "list":
        items = ((_inline(line.removeprefix(_BULLET), links),) for line in lines)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", items))
    if kind == "paragraph":
        return format_html("<p>{}</p>", _inline(" ".join(lines), links))
    return SafeString("")


def _inline(text: str, links: Links) -> SafeString:
    return format_html_join("", "{}", ((_token(token, links),) for token in _INLINE.split(text)))


def _token(token: str, links: Links) -> str:
    if match := CITATION.fullmatch(token):
        if match[1] not in links:
            return token
        number, address = links[match[1]]
        return format_html('<a href="{}">[{}]</a>', address, number)
    if len(token) > 4 and token.startswith("**") and token.endswith("**"):
        return format_html("<strong>{}</strong>", token[2:-2])
    return token
