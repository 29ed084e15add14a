"""Character references: "&amp;", "&#233;", "&alpha;". A bare "&" is a character like others."""

import html
import re

_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BARE = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")


def resolved(text: str) -> str:
    """Return text with references as characters. A name without a semicolon is none: "AT&T",
    "Q&A".
    """
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def escaped_bare(text: str) -> str:
    """Escape every "&" that begins no reference, so that an HTML parser leaves it alone."""
    return _BARE.sub("&amp;", text) if "&" in text else text
