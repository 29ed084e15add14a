"""Write a letter as bytes, the same on every try. What must not be sent is refused here.

The structure is written by hand because the standard library needs milliseconds for it; tests
compare the result with the standard library's parser. The blocks of a letter occur in other letters
too, so their quoted-printable form is cached; the message is joined from blocks, and one
replacement puts its token into them.
"""

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from newsletter.errors import LetterError
from newsletter.mail import dkim
from newsletter.models import SLOT, Envelope, Letter

#: Gmail cuts messages above 102 KB, sometimes within the unsubscribe link.
MAX_HTML_BYTES = 102_000
_URL = re.compile(r"<(https?://[^>]*)>")
_SLOT = SLOT.encode()
_SLOTS = re.compile(_SLOT)
#: C0, DEL, C1, line and paragraph separators, bidi controls, surrogates: never in a header.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)


def clean_header(text: str) -> str:
    """Return any text as one safe header line of at most 200 characters."""
    return " ".join(_UNSAFE.sub(" ", text).split())[:200]


@dataclass(frozen=True, slots=True)
class Message:
    """A mail in pieces that recur in other mails as the same objects. No line of it begins with a
    dot, so SMTP need not double any (RFC 5321 section 4.5.2), and it ends with a line end.
    """

    fields: tuple[bytes, ...]  #: header fields, each with its line end
    blocks: list[bytes]  #: the body: whole lines, and boundaries
    token: bytes  #: takes the place of the slots

    def joined(self, signature: bytes = b"") -> bytes:
        """The mail as one; `signature` is a header field that stands before the others."""
        pieces = (signature, *self.fields, b"\r\n", *self.blocks)
        return b"".join(pieces).replace(_SLOT, self.token)

    def relaxed_body(self) -> bytes:
        """The body in the form that DKIM signs (`dkim.relaxed_body`)."""
        body = b"".join(map(_relaxed_block, self.blocks)).replace(_SLOT, self.token)
        return dkim.without_empty_end(body)


def build(
    letter: Letter, envelope: Envelope, sender: str, headers: Sequence[tuple[str, str]] = ()
) -> Message:
    """Build the message. `sender` is the complete From value (see `mailbox`); `headers` are further
    ones, in order, and may have slots too.

    Raises: LetterError when a rule of bulk mail is broken.
    """
    headers, token = tuple(headers), letter.token.encode()
    lint(letter, headers)
    text = map(_block, letter.text)
    if letter.html:
        mark = b"=_" + hashlib.sha256(envelope.message_id.encode()).hexdigest()[:24].encode()
        kind: tuple[bytes, ...] = (
            b'Content-Type: multipart/alternative; boundary="' + mark + b'"\r\n',
        )
        html = list(map(_block, letter.html))
        _check_size(letter, html)
        edge = b"\r\n--" + mark
        blocks = [b"--", mark, _PLAIN_HEAD, *text, edge, _HTML_HEAD, *html, edge, b"--\r\n"]
    else:
        kind, blocks = _PLAIN_FIELDS, list(text)
    recipient = _field(f"To: <{_without_controls(envelope.recipient)}>", "utf-8")
    message_id = _field(f"Message-ID: <{envelope.message_id}>")
    subject, moment = _subject(letter.subject), _date(envelope.date)
    more = [field.replace(_SLOT, token) for field in _fields(headers)]
    fields = (_from(sender), recipient, subject, moment, message_id, *more, _MIME_VERSION, *kind)
    return Message(fields, blocks, token)


def _check_size(letter: Letter, html: Sequence[bytes]) -> None:
    # Encoded, it is never smaller.
    if (
        sum(map(len, html)) > MAX_HTML_BYTES
        and (size := len(letter.html_page.encode())) > MAX_HTML_BYTES
    ):
        raise LetterError(f"the HTML part has {size:,} bytes, more than {MAX_HTML_BYTES:,}")


def lint(letter: Letter, headers: tuple[tuple[str, str], ...] = ()) -> None:
    """Check a letter against the rules of bulk mail. Line lengths and line ends are correct by
    construction.

    Raises: LetterError naming the rule.
    """
    if not any(letter.text):
        raise LetterError("a letter without a text part")
    if not (address := _one_click(headers)):
        return
    slotted = address.replace(letter.token, SLOT) if letter.token else address
    for part in filter(None, (letter.text, letter.html)):
        if not any(_has(block, slotted) or _has(block, address) for block in reversed(part)):
            raise LetterError(
                "the unsubscribe link is missing from the letter",
                hint="restore the template's footer",
            )


@lru_cache(maxsize=1024)
def _one_click(headers: tuple[tuple[str, str], ...]) -> str:
    """The address of the one-click unsubscribe; empty when none is offered.

    Raises: LetterError.
    """
    listed = dict(headers)
    if "List-Unsubscribe-Post" not in listed:
        return ""
    found = _URL.findall(listed.get("List-Unsubscribe", ""))
    if len(found) != 1:
        raise LetterError("one-click unsubscribe needs exactly one web address (RFC 8058)")
    address = str(found[0])
    if not address.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise LetterError(
            "one-click unsubscribe needs an https address (RFC 8058)",
            hint="set site.base_url to https",
        )
    return address


@lru_cache(maxsize=16384)
def _has(block: str, address: str) -> bool:
    return address in block


@lru_cache(maxsize=256)
def mailbox(name: str, address: str) -> str:
    """Return the From value: a display name, encoded if necessary, and the address."""
    shown = clean_header(name)
    if not shown:
        return f"<{address}>"
    if shown.isascii():
        quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return (
        f"{Header(shown, 'utf-8', header_name='From').encode(linesep=chr(13) + chr(10))} "
        f"<{address}>"
    )


def _field(line: str, charset: str = "ascii") -> bytes:
    """A header field with its line end. Raises: LetterError."""
    field = line.encode(charset) + b"\r\n"
    if any(len(one) > 998 or b"\r" in one or b"\n" in one for one in field[:-2].split(b"\r\n")):
        raise LetterError(
            "a header line longer than 998 octets, or with a line end in it (RFC 5322 "
            "section 2.1.1)"
        )
    return field


def _without_controls(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub("", text)


@lru_cache(maxsize=256)
def _from(sender: str) -> bytes:
    return _field(f"From: {sender}")


@lru_cache(maxsize=4096)
def _subject(text: str) -> bytes:
    shown = clean_header(text)
    if shown.isascii() and len(shown) <= 67:
        return _field(f"Subject: {shown}")
    charset = "us-ascii" if shown.isascii() else "utf-8"
    header = Header(shown, charset, maxlinelen=76, header_name="Subject")
    return _field(f"Subject: {header.encode(linesep=chr(13) + chr(10))}")


@lru_cache(maxsize=1024)
def _date(moment: datetime) -> bytes:
    return _field(f"Date: {format_datetime(moment.astimezone(UTC).replace(microsecond=0))}")


@lru_cache(maxsize=1024)
def _fields(headers: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
    return tuple(_field(f"{name}: {_folded(name, value)}") for name, value in headers)


def _folded(name: str, value: str) -> str:
    """Fold a header at the commas between addresses; a single long URL is not broken."""
    value = _UNSAFE.sub("", value)
    if len(name) + 2 + len(value) <= 76:
        return value
    return ",\r\n ".join(part.strip() for part in value.split(","))


_MIME_VERSION = b"MIME-Version: 1.0\r\n"
_PLAIN_FIELDS, _HTML_FIELDS = (
    (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'.encode(),
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )
    for subtype in ("plain", "html")
)
_PLAIN_HEAD, _HTML_HEAD = (
    b"".join((b"\r\n", *fields, b"\r\n")) for fields in (_PLAIN_FIELDS, _HTML_FIELDS)
)


def _lines(text: str) -> bytes:
    """Return text as quoted-printable (RFC 2045 section 6.7) with a line end, a soft one if the
    text has none.

    No line starts with a dot, so that SMTP need not double any (RFC 5321 section 4.5.2).
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    lines = binascii.b2a_qp(plain, istext=True).split(b"\n")
    if lines[-1]:
        lines[-1:] = [lines[-1] + b"=", b""]
    # A blank before a line end, our own soft line end and a dot are added to the encoder's 76
    # characters.
    return b"\r\n".join(
        [_line(line) if line[:1] == b"." or len(line) > 76 else line for line in lines]
    )


def _line(line: bytes) -> bytes:
    line = _undotted(line)
    return line if len(line) <= 76 else _broken(line)


def _slotted(text: str) -> bytes:
    """Like `_lines` for text with slots: no line is broken within a slot, so that a token of the
    same length can replace it.
    """
    lines = []
    for line in text.split("\n"):
        encoded = _lines(line + "\n").replace(b"=\r\n", b"").removesuffix(b"\r\n")
        lines.append(b"=\r\n".join(_rows(encoded)))
    return b"\r\n".join(lines)


def _rows(encoded: bytes) -> list[bytes]:
    """One encoded line in rows of at most 75 characters, none broken within an encoded byte or a
    slot.
    """
    slots = [found.span() for found in _SLOTS.finditer(encoded)]
    rows: list[bytes] = []
    start = 0
    while True:
        end = start + (73 if encoded[start : start + 1] == b"." else 75)
        if end >= len(encoded):
            return [*rows, _undotted(encoded[start:])]
        at = encoded.rfind(b"=", end - 2, end)
        end = at if at >= 0 else end
        end = next((first for first, after in slots if first < end < after), end)
        rows.append(_undotted(encoded[start:end]))
        start = end


def _undotted(line: bytes) -> bytes:
    return b"=2E" + line[1:] if line.startswith(b".") else line


def _broken(line: bytes) -> bytes:
    """Return a line that is a little too long with a soft line end before its last five or more
    characters.
    """
    at = len(line) - 5
    at -= next((back for back in (1, 2) if line[at - back : at - back + 1] == b"="), 0)
    return line[:at] + b"=\r\n" + _undotted(line[at:])


@lru_cache(maxsize=16384)
def _block(text: str) -> bytes:
    """Return whole lines of a letter, encoded."""
    return _slotted(text) if SLOT in text else _lines(text)


@lru_cache(maxsize=16384)
def _relaxed_block(block: bytes) -> bytes:
    return dkim.relaxed_lines(block)
