"""Correct frequent mistakes in XML that have only one meaning, before parsing.

A "&" that begins no reference is a character ("R&D"). A name that HTML knows and XML does not
("&nbsp;", "&eacute;") is the character that it names.
"""

import html.entities
import re

#: What is not closed lasts to the end, so that no byte is read twice.
_CDATA = re.compile(rb"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))", re.S)
_AMPERSAND = re.compile(rb"&(?:#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|([A-Za-z][A-Za-z0-9]{0,31});)?")
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
    name = found[1]
    if found[0] == b"&":
        return b"&amp;"
    if name is None or name in _XML:
        return found[0]
    characters = html.entities.html5.get(f"{name.decode('ascii')};")
    if characters is None:
        return found[0]
    return b"".join(b"&#%d;" % ord(character) for character in characters)
