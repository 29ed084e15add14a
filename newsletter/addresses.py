"""The grammar of mail addresses, and their canonical key. Every typed address is read here.

The grammar is the dot-atom of RFC 5321 with one `@`, or its UTF-8 form (RFC 6531). Forms that mail
systems interpret in other ways (comments, quotes, groups, routes, `%` and `!` routing, encoded
words) are refused before a library sees the address.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import AddressError

#: RFC 5321 section 4.5.3.1.3: a path has 256 octets, two of them angle brackets.
MOST_CHARACTERS = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$&'*+\-/=?^_`{|}~.\u0080-\U0010ffff]+")
#: Addresses that need no check character by character.
_PLAIN = re.compile(r"[A-Za-z0-9._+@-]+")
_HACKS = {"%": "a percent sign", "!": "an exclamation mark", "=?": "an encoded word"}
_RESERVED = (
    "invalid",
    "localhost",
    "local",
    "internal",
    "onion",
    "arpa",
    "test",
    "example",
    "lan",
    "home",
    "corp",
)
#: Names that this site or its mail server answers itself: RFC 2142, and the mailboxes of `inbound`.
ROLES = frozenset(
    (
        "abuse",
        "bounce",
        "help",
        "hostmaster",
        "mailer-daemon",
        "noc",
        "no-reply",
        "noreply",
        "postmaster",
        "root",
        "security",
        "subscribe",
        "unsubscribe",
        "webmaster",
    )
)


@dataclass(frozen=True, slots=True)
class Address:
    """A valid address."""

    email: str  #: as typed, with the domain in ASCII; mail is sent here
    local: str
    domain: str  #: lower-case A-labels
    canonical: str  #: the key of one reader: ASCII letters in lower case, NFC

    @property
    def is_ascii(self) -> bool:
        return self.local.isascii()


def parse(text: str, *, own: str = "") -> Address:
    """Read one address. With `own`, the address of the site, the site's own addresses are refused.

    Raises: AddressError with the position of the mistake (characters from 1).
    """
    text = unicodedata.normalize("NFC", text.strip(" "))
    for position, character in enumerate(() if _PLAIN.fullmatch(text) else text, 1):
        if unicodedata.category(character)[0] in "CZ" or character in '<>()[]\\,;:"':
            raise _refused(f"has {_name(character)} in it", position)
    if text.count("@") != 1:
        raise _refused("needs exactly one @", text.rfind("@") + 1)
    local, _, domain = text.partition("@")
    for mark, name in _HACKS.items():
        if mark in local:
            raise _refused(f"has {name} before the @", local.index(mark) + 1)
    if (
        not local
        or not _LOCAL.fullmatch(local)
        or local[0] == "."
        or local[-1] == "."
        or ".." in local
    ):
        raise _refused("has no valid name before the @", 1)
    if len(local.encode()) > 64:
        raise _refused("has more than 64 characters before the @", 65)
    try:
        if not local.isascii():
            _check(text)
        ascii_domain = _ascii_domain(domain)
    except EmailNotValidError as e:
        raise _refused(f"is not valid: {e}", len(local) + 2) from e
    if len(local) + 1 + len(ascii_domain) > MOST_CHARACTERS:
        raise _refused(f"has more than {MOST_CHARACTERS} characters", MOST_CHARACTERS + 1)
    if "." not in ascii_domain or ascii_domain.rpartition(".")[2] in _RESERVED:
        raise _refused(f"has a domain that mail cannot reach: {domain}", len(local) + 2)
    canonical = f"{''.join(c.lower() if c.isascii() else c for c in local)}@{ascii_domain}"
    address = Address(f"{local}@{ascii_domain}", local, ascii_domain, canonical)
    _require_foreign(address, own)
    return address


def _check(text: str) -> str:
    """Check an address with the library; return its domain in ASCII."""
    checked = validate_email(text, check_deliverability=False, strict=True, test_environment=True)
    return str(checked.ascii_domain).lower()


@lru_cache(maxsize=1 << 14)
def _ascii_domain(domain: str) -> str:
    """Return a domain in lower-case A-labels.

    The grammar above covers ASCII names before the @, so the library is asked once per domain: a
    list of readers has few domains, many times.
    """
    return _check(f"a@{domain}")


def _require_foreign(address: Address, own: str) -> None:
    """Refuse the site's own address and the role addresses of its domain: mail to them would
    loop.
    """
    local, _, domain = address.canonical.partition("@")
    box = local.partition("+")[0]
    name, _, home = own.lower().rpartition("@")
    if domain == home and (box in ROLES or box == name.partition("+")[0]):
        raise AddressError(
            f"{address.email} is an address of this site; it cannot subscribe", position=1
        )


def mask(email: str) -> str:
    """Show an address to somebody who may hold a forwarded mail: a•••@example.org."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain}"


def quota_key(address: Address) -> str:
    """Return the mailbox that variants of an address share: without plus tag and Gmail's dots."""
    local, _, domain = address.canonical.partition("@")
    local = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _refused(what: str, position: int) -> AddressError:
    return AddressError(f"not an e-mail address: it {what}", position=position)


def _name(character: str) -> str:
    if character == " ":
        return "a space"
    return (
        f"a {character}"
        if character.isprintable()
        else f"a control character (U+{ord(character):04X})"
    )
