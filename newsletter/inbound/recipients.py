"""Which of our addresses a mail is for. Pure.

bounce+TAG@           one of our letters came back; only the tag says which one
unsubscribe+TAG@      the address in List-Unsubscribe: a mail to it unsubscribes
subscribe@, help@     commands of people; also unsubscribe@ without a tag
postmaster@, abuse@   the operator, as are the site's own sender and contact
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses

COMMANDS = ("subscribe", "unsubscribe", "help")
#: RFC 2142: addresses that a domain which sends mail must read.
ROLES = ("postmaster", "abuse")
#: Headers in which mail servers name the recipient, the most exact first.
HEADERS = (
    "X-Original-To",
    "Delivered-To",
    "X-Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Forwarded-To",
    "Resent-To",
    "To",
    "Cc",
)
#: Most addresses of one mail, and most characters of one header, that are read.
MOST_ADDRESSES, HEADER_CHARS = 100, 5_000


@dataclass(frozen=True, slots=True)
class Box:
    """kind: bounce | unsubscribe | command | operator | unknown"""

    kind: str
    token: str = ""
    command: str = ""


def box_of(recipient: str, own: Iterable[str]) -> Box:
    """Return which box an address names. `own`: the site's sender and contact."""
    address = recipient.strip("<> ").lower()
    local = address.partition("@")[0]
    name, _, token = local.partition("+")
    if name in ("bounce", "unsubscribe") and token:
        return Box(name, token)
    if name in COMMANDS:
        return Box("command", command=name)
    if name in ROLES or any(is_same(address, one) for one in own):
        return Box("operator")
    return Box("unknown")


def is_same(address: str, own: str) -> bool:
    """Return whether an address is one of `own`, ignoring a plus tag."""
    local, _, domain = address.lower().partition("@")
    own_local, _, own_domain = own.lower().partition("@")
    return bool(own_local) and (local.partition("+")[0], domain) == (
        own_local.partition("+")[0],
        own_domain,
    )


def in_headers(message: Message) -> list[str]:
    """Return the addresses in all headers that can hold a recipient, in the order of `HEADERS`.

    Display names, comments and groups are parsed, so that only addresses count.
    """
    found = [address for name in HEADERS for address in addresses_in(message, name)]
    return list(dict.fromkeys(found))[:MOST_ADDRESSES]


def addresses_in(message: Message, name: str) -> list[str]:
    """The addresses in all headers of a name. One whose comments nest without end names nobody."""
    found: list[str] = []
    for value in message.get_all(name) or []:
        with suppress(RecursionError):
            pairs = getaddresses([str(value)[:HEADER_CHARS]])
            found += [address for _, address in pairs if "@" in address]
    return found


def pick(addresses: Iterable[str], own: Iterable[str], domain: str) -> str:
    """Return the address of ours that a mail is for: one with a tag before a command before the
    operator. Empty when none is ours.

    Tags count in every domain, because they are signed; other addresses only in `domain`.
    """
    own, ranked = list(own), []
    for address in addresses:
        kind = box_of(address, own).kind
        is_home = address.lower().endswith(f"@{domain.lower()}")
        if kind in ("bounce", "unsubscribe") or (kind != "unknown" and is_home):
            ranked.append((_ORDER.index(kind), address))
    return min(ranked, key=lambda one: one[0])[1] if ranked else ""


_ORDER = ("bounce", "unsubscribe", "command", "operator")
