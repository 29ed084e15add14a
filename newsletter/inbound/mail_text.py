"""Extract the text of a mail, within limits. Pure; takes any bytes and never raises.

Depth and length of the parts that are read are limited. A charset is used only if its name is a
plain word that Python knows.
"""

import re
from email.message import Message
from itertools import islice

#: Most characters of one part that are read.
LOOKED_AT = 60_000
#: Most parts of a mail in which Message-IDs are looked for, and most of those.
MOST_PARTS, MOST_LETTERS = 60, 50
_CHARSET = re.compile(r"[A-Za-z0-9][\w.:-]{0,39}")


def text_of(part: Message) -> str:
    """Return the text of one part, decoded by its own charset, with plain line ends."""
    if part.is_multipart():
        blocks = [block for block in list(part.get_payload())[:50] if isinstance(block, Message)]
        return "\n\n".join(map(_fields_of, blocks))[:LOOKED_AT].replace("\r\n", "\n")
    raw = part.get_payload(decode=True)  # not decoded, it would be read by any charset's codec
    text = _decode(raw[: 4 * LOOKED_AT], _charset(part)) if isinstance(raw, bytes) else ""
    if part.get_content_type() == "text/html":
        text = re.sub(r"<[^<>]{0,500}>", " ", text[:LOOKED_AT])
    return text[:LOOKED_AT].replace("\r\n", "\n")


def _fields_of(block: Message) -> str:
    """Return the header of a block as lines. `str` would encode it again, which takes more than
    linear time.
    """
    lines = "\n".join(f"{name}: {str(value)[:LOOKED_AT]}" for name, value in block.raw_items())
    body = "" if block.is_multipart() else text_of(block)
    text = f"{lines}\n\n{body}" if body.strip() else lines
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:LOOKED_AT]


def _decode(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("latin-1")


def _charset(part: Message) -> str:
    found = part.get_param("charset", "utf-8")
    name = str(found[2] if isinstance(found, tuple) else found).strip("\"' ")
    return name if _CHARSET.fullmatch(name) else "utf-8"


def written_text(message: Message) -> str:
    """Return what the sender wrote, without the mail that is returned in it."""
    text = ""
    for part in message.walk():
        if part.get_content_type() == "message/rfc822":
            break
        if part.get_content_type() in ("text/plain", "text/html") and not part.is_multipart():
            text = text_of(part)
            if text.strip():
                break
    if not text.strip() and not message.is_multipart():
        text = text_of(message)  # a multipart that does not contain its boundary
    ends = [found.start() for found in _RETURNED.finditer(text) if found.start() > 80]
    return text[: ends[0]] if ends else text


def letters_in(message: Message, raw: bytes) -> list[str]:
    """Return what may be the left sides of our Message-IDs in a mail and in what it returns.

    Who holds the keys says whether one is ours.
    """
    parts = [part for part, _ in zip(message.walk(), range(MOST_PARTS), strict=False)]
    texts = [raw.decode("latin-1"), *(text_of(part) for part in parts if not part.is_multipart())]
    found = (one for text in texts for one in _LEFT_SIDE.findall(text))
    return list(islice(dict.fromkeys(found), MOST_LETTERS))


_LEFT_SIDE = re.compile(r"(?<![\w.-])(\d{1,18}(?:\.\d{1,18})?\.[A-Za-z2-7]{16})@")
_RETURNED = re.compile(
    r"^-{2,}[^\n]{0,20}(?:original|below this line|copy of|returned|unsent|headers|body)[^\n]*$"
    r"|^(?:Received|Return-Path):\s",
    re.I | re.M,
)
