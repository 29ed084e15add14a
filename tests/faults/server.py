"""A scripted SMTP server: at every phase it can do whatever a relay, a network or an attacker may
do.

`script` maps a phase (banner, ehlo, starttls, auth, mail, rcpt, data, body, dot, rset, quit) to a
fault. A fault is a small coroutine of the talk; it says True when it answered itself. Accepted
messages are kept in memory and, for tests over several processes, in a journal on disk: written
before the reply leaves.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Fault = Callable[["Talk"], Awaitable[bool]]
OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 50000000")


@dataclass(frozen=True)
class Accepted:
    message_id: str
    recipient: str
    sender: str
    raw: bytes


class Ended(Exception):
    """The connection is over."""


@dataclass
class Talk:
    """One connection."""

    server: "Server"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipient: str = ""
    raw: bytes = b""
    said: str = ""  #: the last reply

    async def say(self, *lines: str) -> None:
        self.said = lines[0]
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    def accept(self) -> None:
        self.server.keep(Accepted(_message_id(self.raw), self.recipient, self.sender, self.raw))

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]


# -- faults ----------------------------------------------------------------------------------------


async def close(_talk: Talk) -> bool:
    """End the connection without a reply."""
    raise Ended


async def reset(talk: Talk) -> bool:
    """End it with RST instead of FIN."""
    talk.writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    talk.writer.transport.abort()
    raise Ended


async def hang(_talk: Talk) -> bool:
    """Say nothing for longer than any timeout."""
    await asyncio.sleep(3600)
    return True


def say(*lines: str) -> Fault:
    """Answer with these lines; more than one is more than one reply."""

    async def fault(talk: Talk) -> bool:
        await talk.say(*lines)
        return True

    return fault


def cut(text: str) -> Fault:
    """Send half a reply, then close."""

    async def fault(talk: Talk) -> bool:
        talk.writer.write(text.encode())
        await talk.writer.drain()
        raise Ended

    return fault


def then_close(*lines: str) -> Fault:
    async def fault(talk: Talk) -> bool:
        await talk.say(*lines)
        raise Ended

    return fault


def late(seconds: float, fault: Fault | None = None) -> Fault:
    """Send the usual reply, or another fault, after a while."""

    async def later(talk: Talk) -> bool:
        await asyncio.sleep(seconds)
        return await fault(talk) if fault else False

    return later


def taking(fault: Fault) -> Fault:
    """After the dot: the message is accepted, whatever the client gets to hear."""

    async def taken(talk: Talk) -> bool:
        talk.accept()
        return await fault(talk)

    return taken


def some(numbers: range | set[int], fault: Fault) -> Fault:
    """Only at these times, counted from 0 over all connections."""
    count = iter(range(10**9))

    async def chosen(talk: Talk) -> bool:
        return await fault(talk) if next(count) in numbers else False

    return chosen


def first(number: int, fault: Fault) -> Fault:
    return some(range(number), fault)


def by_domain(faults: Mapping[str, Fault]) -> Fault:
    async def fault(talk: Talk) -> bool:
        return await faults[talk.domain](talk) if talk.domain in faults else False

    return fault


def to(prefix: str, fault: Fault) -> Fault:
    """Only for recipients that begin with a prefix."""

    async def chosen(talk: Talk) -> bool:
        return await fault(talk) if talk.recipient.startswith(prefix) else False

    return chosen


def greylist(seconds: float, clock: Callable[[], float]) -> Fault:
    """Each pair of sender and recipient is put off until it comes again after a while."""
    seen: dict[tuple[str, str], float] = {}

    async def fault(talk: Talk) -> bool:
        since = seen.setdefault((talk.sender, talk.recipient), clock())
        if clock() - since < seconds:
            await talk.say("451 4.7.1 greylisted, try again later")
            return True
        return False

    return fault


def rate_limit(per_second: float) -> Fault:
    """A token bucket that refuses with 421 and closes when it is empty."""
    last = [0.0]

    async def fault(talk: Talk) -> bool:
        now = time.monotonic()
        if now - last[0] < 1 / per_second:
            await talk.say("421 4.7.0 too fast")
            raise Ended
        last[0] = now
        return False

    return fault


# -- the server ------------------------------------------------------------------------------------


@dataclass
class Server:
    """Use it as an async context; `port` is there then."""

    script: dict[str, Fault] = field(default_factory=dict)
    offers: tuple[str, ...] = OFFERS
    certificate: ssl.SSLContext | None = None  #: offers STARTTLS
    is_tls: bool = False  #: TLS from the first byte
    has_auth: bool = False
    journal: Path | None = None
    accepted: list[Accepted] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  #: every command received, in order
    bodies: int = 0  #: messages that arrived whole, whatever was answered
    talks: int = 0  #: connections made
    port: int = 0

    async def __aenter__(self) -> "Server":
        context = self.certificate if self.is_tls else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=context, limit=2**24
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closing = True
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def keep(self, message: Accepted) -> None:
        self.accepted.append(message)
        if self.journal:
            with self.journal.open("a") as file:
                file.write(f"{message.message_id}\t{message.recipient}\n")

    @property
    def times(self) -> Counter[str]:
        """Return Message-ID -> how often it was accepted."""
        if self.journal and self.journal.exists():
            return Counter(line.split("\t")[0] for line in self.journal.read_text().splitlines())
        return Counter(message.message_id for message in self.accepted)

    def commands(self, word: str) -> list[str]:
        return [line for line in self.lines if line.upper().startswith(word)]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.talks += 1
        talk = Talk(self, reader, writer)
        try:
            with contextlib.suppress(
                Ended, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError
            ):
                await self._converse(talk)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.transport.abort() if self._is_closing else writer.close()

    async def _at(self, phase: str, talk: Talk) -> bool:
        return phase in self.script and await self.script[phase](talk)

    async def _converse(self, talk: Talk) -> None:
        if not await self._at("banner", talk):
            await talk.say("220 sink.example.net ESMTP")
        while True:
            line = (await talk.reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            self.lines.append(line)
            word = line[:4].upper()
            handler = self._HANDLERS.get(word)
            if handler is None:
                await talk.say("502 5.5.2 what?")
            else:
                await handler(self, talk, line)

    async def _ehlo(self, talk: Talk, _line: str) -> None:
        if await self._at("ehlo", talk):
            return
        offers = list(self.offers)
        is_secure = talk.writer.get_extra_info("ssl_object") is not None
        if self.certificate and not is_secure:
            offers.append("STARTTLS")
        if self.has_auth and (is_secure or not self.certificate):
            offers.append("AUTH PLAIN LOGIN")
        lines = ["sink.example.net", *offers]
        await talk.say(*(f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines))

    async def _starttls(self, talk: Talk, _line: str) -> None:
        if await self._at("starttls", talk):
            return None
        if self.certificate is None:
            return await talk.say("502 5.5.1 no TLS here")
        await talk.say("220 go ahead")
        await talk.writer.start_tls(self.certificate)
        return None

    async def _auth(self, talk: Talk, _line: str) -> None:
        if not await self._at("auth", talk):
            await talk.say("235 2.7.0 welcome")

    async def _mail(self, talk: Talk, line: str) -> None:
        talk.sender, talk.recipient = _address(line), ""
        if not await self._at("mail", talk):
            limit = next(
                (int(offer.split()[1]) for offer in self.offers if offer.startswith("SIZE ")), 0
            )
            size = re.search(r" SIZE=(\d+)", line)
            is_large = bool(limit and size and int(size[1]) > limit)
            await talk.say("552 5.3.4 message too big" if is_large else "250 2.1.0 ok")
        if not talk.said.startswith("2"):
            talk.sender = ""

    async def _rcpt(self, talk: Talk, line: str) -> None:
        if not talk.sender:
            return await talk.say("503 5.5.1 need MAIL first")
        recipient = _address(line)
        talk.recipient = recipient
        if not await self._at("rcpt", talk):
            await talk.say("250 2.1.5 ok")
        elif not talk.said.startswith("2"):
            talk.recipient = ""
        return None

    async def _data(self, talk: Talk, _line: str) -> None:
        if await self._at("data", talk):
            return None
        if not talk.recipient:
            return await talk.say("554 5.5.1 no valid recipients")
        await talk.say("354 go on")
        await self._body(talk)
        return None

    async def _body(self, talk: Talk) -> None:
        head = await talk.reader.readexactly(3)
        await self._at("body", talk)
        rest = b"" if head == b".\r\n" else await talk.reader.readuntil(b"\r\n.\r\n")
        talk.raw = (head + rest)[:-3].replace(b"\r\n..", b"\r\n.")
        self.bodies += 1
        if not await self._at("dot", talk):
            talk.accept()
            await talk.say(f"250 2.0.0 queued as {len(self.accepted)}")

    async def _reset(self, talk: Talk, _line: str) -> None:
        talk.sender = talk.recipient = ""
        if not await self._at("rset", talk):
            await talk.say("250 2.0.0 ok")

    async def _quit(self, talk: Talk, _line: str) -> None:
        if not await self._at("quit", talk):
            await talk.say("221 2.0.0 bye")
        raise Ended

    _HANDLERS = {
        "EHLO": _ehlo,
        "STAR": _starttls,
        "AUTH": _auth,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _reset,
        "QUIT": _quit,
    }


def _address(line: str) -> str:
    found = re.search(r"<(.*?)>", line)
    return found[1] if found else ""


def _message_id(raw: bytes) -> str:
    found = re.search(rb"^Message-ID: <(.*?)>", raw, re.MULTILINE | re.IGNORECASE)
    return found[1].decode() if found else ""
