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
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from newsletter.errors import LetterError
from newsletter.models import SLOT, Envelope, Letter

#: Gmail cuts messages above 102 KB, sometimes within the unsubscribe link.
MAX_HTML_BYTES = 102_000
_URL = re.compile(r"<(https?://[^>]*)>")
#: Where a quoted-printable line may be broken: between slots, encoded bytes and characters.
_SLOT = SLOT.encode()
_ATOM = re.compile(rb"%b|=[0-9A-F]{2}|." % _SLOT, re.DOTALL)
#: C0, DEL, C1, line and paragraph separators, bidi controls, surrogates: never in a header.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)


def clean_header(text: str) -> str:
    """Return any text as one safe header line of at most 200 characters."""
    return " ".join(_UNSAFE.sub(" ", text).split())[:200]


def build(
    letter: Letter, envelope: Envelope, sender: str, headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Build the message. `sender` is the complete From value (see `mailbox`); `headers` are further
    ones, in order.

    Raises: LetterError when a rule of bulk mail is broken.
    """
    lint(letter, headers)
    lines = [
        f"From: {sender}",
        f"To: <{_UNSAFE.sub('', envelope.recipient)}>",
        f"Subject: {_header_text(letter.subject)}",
        f"Date: {_date(envelope.date)}",
        f"Message-ID: <{envelope.message_id}>",
        *(f"{name}: {_folded(name, value)}" for name, value in headers),
        "MIME-Version: 1.0",
    ]
    parts = [_PLAIN_HEAD, *map(_block, letter.text)]
    if letter.html:
        html = [_HTML_HEAD, *map(_block, letter.html)]
        # Encoded, it is never smaller.
        if (
            sum(map(len, html)) > MAX_HTML_BYTES
            and (size := len(letter.html_page.encode())) > MAX_HTML_BYTES
        ):
            raise LetterError(f"the HTML part has {size:,} bytes, more than {MAX_HTML_BYTES:,}")
        mark = "=_" + hashlib.sha256(envelope.message_id.encode()).hexdigest()[:24]
        lines.append(f'Content-Type: multipart/alternative; boundary="{mark}"')
        edge = f"\r\n--{mark}".encode()
        parts = [edge, b"\r\n", *parts, edge, b"\r\n", *html, edge, b"--\r\n"]
    head = "\r\n".join(lines)
    for line in head.split("\r\n"):
        if len(line) > 998 or "\r" in line or "\n" in line:
            raise LetterError(
                "a header line longer than 998 octets, or with a line end in it (RFC 5322 "
                "section 2.1.1)"
            )
    start = head.encode("ascii" if envelope.recipient.isascii() else "utf-8")
    return b"".join((start, b"\r\n", *parts)).replace(_SLOT, letter.token.encode())


def lint(letter: Letter, headers: Sequence[tuple[str, str]] = ()) -> None:
    """Check a letter against the rules of bulk mail. Line lengths and line ends are correct by
    construction.

    Raises: LetterError naming the rule.
    """
    if not any(letter.text):
        raise LetterError("a letter without a text part")
    listed = dict(headers)
    if "List-Unsubscribe-Post" not in listed:
        return
    found = _URL.findall(listed.get("List-Unsubscribe", ""))
    if len(found) != 1:
        raise LetterError("one-click unsubscribe needs exactly one web address (RFC 8058)")
    if not found[0].startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise LetterError(
            "one-click unsubscribe needs an https address (RFC 8058)",
            hint="set site.base_url to https",
        )
    address = found[0].replace(letter.token, SLOT) if letter.token else found[0]
    for part in filter(None, (letter.text, letter.html)):
        if not any(_has(block, address) or _has(block, found[0]) for block in reversed(part)):
            raise LetterError(
                "the unsubscribe link is missing from the letter",
                hint="restore the template's footer",
            )


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


@lru_cache(maxsize=4096)
def _header_text(text: str) -> str:
    shown = clean_header(text)
    if shown.isascii() and len(shown) <= 67:
        return shown
    charset = "us-ascii" if shown.isascii() else "utf-8"
    return Header(shown, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


def _folded(name: str, value: str) -> str:
    """Fold a header at the commas between addresses; a single long URL is not broken."""
    value = _UNSAFE.sub("", value)
    if len(name) + 2 + len(value) <= 76:
        return value
    return ",\r\n ".join(part.strip() for part in value.split(","))


@lru_cache(maxsize=1024)
def _date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0))


_PLAIN_HEAD, _HTML_HEAD = (
    f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
    for subtype in ("plain", "html")
)


def _lines(text: str) -> bytes:
    """Return text as quoted-printable (RFC 2045 section 6.7) with a line end, a soft one if the
    text has none.

    No line starts with a dot, so that SMTP need not double any (RFC 5321 section 4.5.2).
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    lines = [_undotted(line) for line in binascii.b2a_qp(plain, istext=True).split(b"\n")]
    if lines[-1]:
        lines[-1:] = [lines[-1] + b"=", b""]
    # A blank before a line end, our own soft line end and a dot are added to the encoder's 76
    # characters.
    return b"\r\n".join([line if len(line) <= 76 else _broken(line) for line in lines])


def _slotted(text: str) -> bytes:
    """Like `_lines` for text with slots: no line is broken within a slot, so that a token of the
    same length can replace it.
    """
    lines = []
    for line in text.split("\n"):
        encoded = _lines(line + "\n").replace(b"=\r\n", b"").removesuffix(b"\r\n")
        rows, row = [], b""
        for atom in _ATOM.findall(encoded):
            if row and len(row) + len(atom) > 75:
                rows.append(row + b"=")
                row = b""
            row += b"=2E" if atom == b"." and not row else atom
        lines.append(b"\r\n".join([*rows, row]))
    return b"\r\n".join(lines)


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
