"""Our own address grammar and canonical key. Nothing else touches a typed address.

The grammar is the dot-atom of RFC 5321 with one `@`, or its UTF-8 form (RFC 6531). What mail
systems re-interpret (comments, quotes, groups, routes, percent and bang hacks, encoded words) is
refused before a library sees it.
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
#: Nothing in it has to be looked at character by character.
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
#: Names that this site, or the mail server in front of it, answers itself. RFC 2142, and the boxes
#: of mail/inbound.py.
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
    """An address that may be mailed."""

    email: str  #: as typed, with the domain in ASCII; mail goes here
    local: str
    domain: str  #: lower-case A-labels
    canonical: str  #: one reader per canonical key: ASCII letters folded, NFC, everything else kept

    @property
    def is_ascii(self) -> bool:
        return self.local.isascii()


def parse(text: str, *, own: str = "") -> Address:
    """Read one address. With `own`, the address of the site, it must be somebody else's.

    Raises: AddressError with the position of what is wrong (characters from 1).
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
    """Have an address checked by the library; returns its domain in ASCII."""
    checked = validate_email(text, check_deliverability=False, strict=True, test_environment=True)
    return str(checked.ascii_domain).lower()


@lru_cache(maxsize=1 << 14)
def _ascii_domain(domain: str) -> str:
    """A domain in lower-case A-labels. Our own grammar covers an ASCII name before the @, so that
    the library is asked once per domain: a list of readers names few domains many times.
    """
    return _check(f"a@{domain}")


def _require_foreign(address: Address, own: str) -> None:
    """Refuse the site's own address, and the role addresses of its domain: mail to them would come
    back for ever.
    """
    local, _, domain = address.canonical.partition("@")
    box = local.partition("+")[0]
    name, _, home = own.lower().rpartition("@")
    if domain == home and (box in ROLES or box == name.partition("+")[0]):
        raise AddressError(
            f"{address.email} is an address of this site; it cannot subscribe", position=1
        )


def mask(email: str) -> str:
    """Show an address to whoever holds a forwarded mail: a•••@example.org."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain}"


def quota_key(address: Address) -> str:
    """The mailbox that variants share: plus tags and Gmail's dots do not make a new victim."""
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
