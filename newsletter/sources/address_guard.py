"""Decide to which address a request may connect. Knows names and addresses, not HTTP.

The address is checked at the moment of connecting. So a name that changes its address between two
look-ups (DNS rebinding) and a redirect to a private host are both refused (faults.md R8).
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore2

#: Ranges that lead to this machine or its network although `is_global` is True for some of them
#: (R8).
_DENIED = tuple(
    ip_network(net)
    for net in (
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64: 64:ff9b::7f00:1 is 127.0.0.1
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4: 2002:7f00:1:: is 127.0.0.1
        "fec0::/10",  # site-local
    )
)


def is_public(address: str) -> bool:
    """Return whether an IP address may be connected to when private networks are not allowed."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    return not any(ip.version == net.version and ip in net for net in _DENIED)


class Refused(Exception):
    """The address must not be connected to; nothing was sent to it."""


class Unresolved(httpcore2.ConnectError):
    """The name has no address. The resolver has retried already."""


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only, and never to the site's own pages.

    `own` is the host and port of the site's public pages: a feed that names them, by any name,
    would make the service request itself (C30).
    """

    def __init__(self, *, allow_private: bool, own: tuple[str, int] | None = None) -> None:
        self._allow_private = allow_private
        self._own = own
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the signature is httpcore2's)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve once, check every address, connect to the first that answers.

        Raises: Refused: one of the name's addresses is private, or the site's own. Unresolved: the
        name has no address. httpcore2.ConnectError: no address answered.
        """
        addresses = await _resolve(host, port)
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise Refused(f"{host} leads to the private address {address}")
        if (
            self._own
            and port == self._own[1]
            and set(addresses) & await _addresses_or_none(*self._own)
        ):
            raise Refused(f"{host} leads to this site's own pages")
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError:
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )


async def _resolve(host: str, port: int) -> list[str]:
    """Return every address of a name, in the resolver's order."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise Unresolved(f"{host} cannot be resolved: {e}") from e
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def _addresses_or_none(host: str, port: int) -> set[str]:
    try:
        return set(await _resolve(host, port))
    except Unresolved:
        return set()
