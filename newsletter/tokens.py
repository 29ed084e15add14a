"""Signed links, envelope senders and address hashes. A token alone identifies a reader; no table is
read here.

A token is base64url(payload + MAC); the MAC is keyed BLAKE2b (RFC 7693) of 160 bits. It covers the
purpose, so a token for one page opens no other page. The first secret signs, all secrets verify: to
change the key, put a new one in front.

Mail programs cut punctuation from the end of a link, or add some to it. So a token ends in a letter
or a digit, and punctuation after it is ignored.
"""

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from newsletter.errors import ConfigError, InputError

#: The purposes of tokens, one page each.
PURPOSES = ("confirm", "preferences", "unsubscribe", "feedback", "view", "address", "feed")
#: The pages that a letter links to. Letters of earlier versions had a token for each of them, and
#: one for each vote.
LETTER = "letter"
_OF_LETTERS = ("preferences", "unsubscribe", "feedback", "view")
_PERSONS = {purpose: purpose.encode() for purpose in (*PURPOSES, LETTER)}
_BODY = struct.Struct(">QIIqb")  # subscriber, epoch, made (seconds since the epoch), paper, vote
_MAC_BYTES = 20
#: Lengths in characters. Body and MAC are whole groups of base64.
_LENGTH = (_BODY.size + _MAC_BYTES) // 3 * 4
#: A token, then punctuation that is not part of it, possibly as HTML entities.
_LINK = re.compile(rf"([\w-]{{{_LENGTH - 1},}})(?:[^\w-].*)?", re.ASCII | re.DOTALL)
#: Votes are -1, 0, 1. Adding 3 to the byte gives another MAC, and reading removes it.
_VOTES = 3
#: From this value on, six bits are written as "-" or "_".
_FIRST_MARK = 62
#: Ten bits as two characters of base32 (RFC 4648), in lower case.
_PAIRS = [one + two for one, two in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
_MAX_LINK = _LENGTH + 500


class TokenError(InputError):
    """`reason`: malformed | forged | expired. Pages give the same answer for all of them."""

    code = "token"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the link is {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claims:
    """The content of a verified token."""

    purpose: str
    subscriber: int
    epoch: int  #: of the subscriber when it was made; compare before acting
    made: datetime
    #: feedback: Paper.key · view, letter: issue id · address: id of the ledger row that asked
    paper: int = 0
    vote: int = 0  #: feedback: 1 more, -1 less


class Tokens:
    """Makes and reads tokens with a site's secrets."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = tuple(secrets)
        self._keys = tuple(hashlib.sha256(secret).digest() for secret in secrets)
        self._hashes = tuple(hmac.new(secret, digestmod="sha256") for secret in secrets)

    @classmethod
    def from_file(cls, path: Path) -> "Tokens":
        """Read secrets, one per line, newest first.

        Raises: ConfigError when the file is missing or a secret is shorter than 32 characters.
        """
        try:
            lines = path.read_text().split()
        except OSError as e:
            mistake = f"site.secret_key_file: cannot read {path} ({e.strerror})"
            raise ConfigError([mistake], hint="a new site gets one from: newsletter init") from e
        if not lines or any(len(line) < 32 for line in lines):
            raise ConfigError(
                [
                    f"site.secret_key_file: {path} needs secrets of at least 32 characters, one "
                    "a line"
                ]
            )
        return cls([line.encode() for line in lines])

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Name each secret, newest first, so that a database can say which one it needs. An id
        tells nothing of its secret.
        """
        return tuple(
            hashlib.blake2b(secret, digest_size=6, person=b"key id").hexdigest()
            for secret in self._secrets
        )

    def make(
        self,
        purpose: str,
        subscriber: int,
        epoch: int,
        now: datetime,
        *,
        paper: int = 0,
        vote: int = 0,
    ) -> str:
        """Sign one link. The same values give the same token, so a letter that is built again is
        identical.
        """
        made, key = int(now.timestamp()), self._keys[0]
        while True:
            body = _BODY.pack(subscriber, epoch, made, paper, vote)
            mac = _mac(purpose, body, key)
            if mac[-1] & 63 < _FIRST_MARK:
                return base64.urlsafe_b64encode(body + mac).decode()
            vote += _VOTES  # one in 32 would end in "-" or "_"

    def read(
        self, token: str, purpose: str, now: datetime, max_age: timedelta | None = None
    ) -> Claims:
        """Verify a token for one purpose, or a letter's token that covers this purpose;
        `Claims.purpose` says which one it is. Punctuation after the token is ignored.

        The MAC is compared first, in constant time. Raises: TokenError.
        """
        purposes = (purpose, LETTER) if purpose in _OF_LETTERS else (purpose,)
        bodies = ((one, self._body(text, one)) for text in _spellings(token) for one in purposes)
        of, body = next(((one, body) for one, body in bodies if body), ("", None))
        if body is None:
            raise TokenError("forged")
        subscriber, epoch, made_s, paper, vote = _BODY.unpack(body)
        made = datetime.fromtimestamp(made_s, UTC)
        if max_age is not None and now - made > max_age:
            raise TokenError("expired")
        return Claims(of, subscriber, epoch, made, paper, (vote + 1) % _VOTES - 1)

    def _body(self, spelling: str, purpose: str) -> bytes | None:
        """Return the payload of a token if its MAC is valid."""
        raw = base64.urlsafe_b64decode(spelling)
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        genuine = [hmac.compare_digest(mac, _mac(purpose, body, key)) for key in self._keys]
        return body if any(genuine) else None

    def tag(self, box: str, *numbers: int) -> str:
        """Return the part after the plus of one of our addresses ("bounce+TAG@"), in letters that
        mail systems do not change.

        A tag fits into a local part (64 octets) and is valid for one mailbox: for "bounce" it has
        the ledger row and the generation of the database, unless that is 0; for "unsubscribe" the
        subscriber and their epoch.
        """
        said = "-".join(map(str, numbers))
        return f"{said}-{_short(f'{box}:{said}', self._hashes[0])}"

    def read_tag(self, box: str, tag: str) -> tuple[int, ...] | None:
        """Return the numbers in a tag; None when it is not valid."""
        said, _, _mac = (tag := tag.lower()).rpartition("-")
        if not re.fullmatch(r"[0-9]{1,18}(-[0-9]{1,18}){0,3}", said):
            return None
        genuine = [
            hmac.compare_digest(tag.encode(), f"{said}-{_short(f'{box}:{said}', begun)}".encode())
            for begun in self._hashes
        ]
        return tuple(map(int, said.split("-"))) if any(genuine) else None

    def address_hash(self, canonical: str) -> str:
        """Return a keyed hash of an address that outlives its erasure. The oldest secret makes it,
        so a new key does not change it.
        """
        return hmac.new(
            self._secrets[-1], b"address:" + canonical.encode(), hashlib.sha256
        ).hexdigest()

    def message_id(self, delivery: int, generation: int = 0) -> str:
        """Return the left side of a row's Message-ID: the same on every try, and it tells
        nothing.
        """
        row = f"{delivery}.{generation}" if generation else f"{delivery}"
        return f"{row}.{_short(f'message:{row}', self._hashes[-1])}"

    def read_message_id(self, text: str) -> tuple[int, ...] | None:
        """Return the row and generation in the left side of a Message-ID; None when it is not
        valid.
        """
        row, _, _mac = (text := text.lower()).rpartition(".")
        if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", row):
            return None
        genuine = [
            hmac.compare_digest(text.encode(), f"{row}.{mac}".encode())
            for mac in (_short(f"message:{row}", begun) for begun in self._hashes)
        ]
        return tuple(map(int, row.split("."))) if any(genuine) else None


def _short(text: str, begun: hmac.HMAC) -> str:
    """The first 80 bits of an HMAC in letters and digits; `begun` has the key already."""
    keyed = begun.copy()
    keyed.update(text.encode())
    number = int.from_bytes(keyed.digest()[:10])
    return "".join([_PAIRS[number >> bits & 1023] for bits in range(70, -1, -10)])


def _spellings(link: str) -> list[str]:
    """Return the tokens that a link may mean: the text itself, or with one punctuation mark that
    was cut off. Raises: TokenError when there is none.
    """
    found = _LINK.fullmatch(link) if len(link) <= _MAX_LINK else None
    if found is None:
        raise TokenError("malformed")
    text = found[1]
    spellings = [text[:_LENGTH]] if len(text) >= _LENGTH else []
    if not text[_LENGTH - 1 :].strip("-_"):  # tokens of older versions may end in punctuation
        spellings += [text[: _LENGTH - 1] + mark for mark in "-_"]
    elif text[_LENGTH:].strip("-_"):
        raise TokenError("malformed")
    return spellings


def _mac(purpose: str, body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_MAC_BYTES, key=key, person=_PERSONS[purpose]).digest()
