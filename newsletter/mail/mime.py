"""A letter as bytes, the same on every try. What may not leave is refused here, before the relay sees it.

The skeleton is written by hand because the standard library needs milliseconds for it; tests hold the result against
the standard library's parser. Long fragments recur between letters, so their quoted-printable form is kept.
"""

import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from newsletter.errors import LetterError
from newsletter.models import Envelope, Letter

#: Gmail clips above 102 KB, sometimes through the unsubscribe link.
MAX_HTML_BYTES = 102_000
#: C0, DEL, C1, line and paragraph separators, bidi controls, surrogates: never in a header.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def clean_header(text: str) -> str:
    """Make any text safe for one header line, at most 200 characters."""
    return " ".join(_UNSAFE.sub(" ", text).split())[:200]


def build(letter: Letter, envelope: Envelope, sender: str, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Build the message. `sender` is the ready From value (see `mailbox`); `headers` are more, in order.

    Raises: LetterError when a rule of bulk mail is broken.
    """
    lines = [
        f"From: {sender}",
        f"To: <{envelope.recipient}>",
        f"Subject: {_header_text(letter.subject, 9)}",
        f"Date: {format_datetime(envelope.date.astimezone(UTC).replace(microsecond=0))}",
        f"Message-ID: <{envelope.message_id}>",
        *(f"{name}: {_folded(name, value)}" for name, value in headers),
        "MIME-Version: 1.0",
    ]
    if not any(letter.text):
        raise LetterError("a letter without a text part")
    text = _part("plain", letter.text)
    if letter.html:
        html = _part("html", letter.html)
        if sum(len(fragment.encode()) for fragment in letter.html) > MAX_HTML_BYTES:
            raise LetterError(f"the HTML part is larger than {MAX_HTML_BYTES:,} bytes")
        mark = "=_" + hashlib.sha256(envelope.message_id.encode()).hexdigest()[:24]
        lines.append(f'Content-Type: multipart/alternative; boundary="{mark}"')
        edge = f"--{mark}".encode()
        body = b"\r\n".join((b"", edge, text, edge, html, edge + b"--", b""))
    else:
        body = text
    head = "\r\n".join(lines).encode("ascii" if envelope.recipient.isascii() else "utf-8")
    message = head + b"\r\n" + body
    check(message)
    return message


def check(message: bytes) -> None:
    """Hold a finished message against the rules that receivers enforce.

    Raises: LetterError naming the rule.
    """
    if re.search(rb"(?<!\r)\n|\r(?!\n)", message):
        raise LetterError("a line end that is not CRLF")
    if max(map(len, message.split(b"\r\n"))) > 998:
        raise LetterError("a line longer than 998 octets (RFC 5322 section 2.1.1)")
    head = message.partition(b"\r\n\r\n")[0]
    if b"\r\nList-Unsubscribe-Post:" in head and b"<https://" not in head and b"<http://localhost" not in head:
        raise LetterError("one-click unsubscribe needs an https address (RFC 8058)", hint="set site.base_url to https")


@lru_cache(maxsize=256)
def mailbox(name: str, address: str) -> str:
    """The From value: a display name, encoded where it must be, and the address."""
    shown = clean_header(name)
    if not shown:
        return f"<{address}>"
    if shown.isascii():
        quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{Header(shown, 'utf-8', header_name='From').encode(linesep=chr(13) + chr(10))} <{address}>"


def _header_text(text: str, used: int) -> str:
    shown = clean_header(text)
    charset = "us-ascii" if shown.isascii() else "utf-8"
    return Header(shown, charset, maxlinelen=76, header_name="x" * (used - 2)).encode(linesep="\r\n")


def _folded(name: str, value: str) -> str:
    """Fold at the commas between addresses; a single long URL stays whole."""
    value = _UNSAFE.sub("", value)
    if len(name) + 2 + len(value) <= 76:
        return value
    return ",\r\n ".join(part.strip() for part in value.split(","))


def _part(subtype: str, fragments: Sequence[str]) -> bytes:
    head = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    ).encode()
    return head + b"=\r\n".join([_shared(f) if len(f) > 200 else _quoted(f) for f in fragments if f])


def _quoted(fragment: str) -> bytes:
    encoded = binascii.b2a_qp(fragment.replace("\r\n", "\n").replace("\r", "\n").encode(), istext=True)
    return encoded.replace(b"\n", b"\r\n")


_shared = lru_cache(maxsize=16384)(_quoted)
