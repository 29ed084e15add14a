"""Correct frequent mistakes in XML that have only one meaning, before parsing.

A "&" that begins no reference is a character ("R&D"). A name that HTML knows and XML does not
("&nbsp;", "&eacute;") is the character that it names. A number that is no character of XML
("&#0;", "&#xD800;") is left out: a parser would refuse the whole document.
"""

import html.entities
import re

#: What is not closed lasts to the end, so that no byte is read twice.
_CDATA = re.compile(rb"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))", re.S)
_AMPERSAND = re.compile(
    rb"&(?:#(?P<decimal>\d{1,7});|#[xX](?P<hex>[0-9a-fA-F]{1,6});|"
    rb"(?P<name>[A-Za-z][A-Za-z0-9]{0,31});)?"
)
_XML = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))


def mended(body: bytes) -> bytes:
    """Return a document that a strict parser can read further. Unchanged: encodings with more than
    one byte per character, and entities that the document may declare itself.
    """
    if b"&" not in body or b"\x00" in body[:100] or b"<!ENTITY" in body[:20_000]:
        return body
    parts = _CDATA.split(body)
    parts[::2] = [_AMPERSAND.sub(_reference, part) for part in parts[::2]]
    return b"".join(parts)


def _reference(found: re.Match[bytes]) -> bytes:
    name = found["name"]
    if found[0] == b"&":
        return b"&amp;"
    if name is None:
        number = int(found["decimal"]) if found["decimal"] else int(found["hex"], 16)
        return found[0] if _is_character(number) else b""
    if name in _XML:
        return found[0]
    characters = html.entities.html5.get(f"{name.decode('ascii')};")
    if characters is None:
        return found[0]
    return b"".join(b"&#%d;" % ord(character) for character in characters)


def _is_character(number: int) -> bool:
    """Return whether XML 1.0 has a character of this number (section 2.2)."""
    if number < 0x20:
        return number in (0x9, 0xA, 0xD)
    return number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or 0x10000 <= number <= 0x10FFFF
