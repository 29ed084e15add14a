"""The relay: aiosmtplib connects, secures and logs in; the transaction is spoken here, in phases.

Before the final dot everything can be tried again; after it only the server knows. So the body is written first, then
the fence is asked, then the dot leaves, and its reply is recorded before anything else. With RFC 2920 PIPELINING the
dot and the next MAIL, RCPT and DATA go in one write: one round trip a mail.
"""

import asyncio
import contextlib
import random
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib

from newsletter.errors import Unreachable
from newsletter.models import DeliveryState, Envelope, Receipt

Parcel = tuple[Envelope, bytes]
Judge = Callable[[Envelope, str, int, str], Receipt]


@dataclass(frozen=True)
class RelaySettings:
    host: str
    port: int
    security: str = "starttls"  #: starttls | tls | none (loopback only)
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    connections: int = 4
    timeout_s: float = 60.0
    #: RFC 5321 section 4.5.3.2.6: the server may need ten minutes to take responsibility.
    dot_timeout_s: float = 600.0
    hostname: str | None = None  #: what we call ourselves in EHLO


class LostConnection(Exception):
    """The connection ended or said something that is no SMTP."""


class _Wire(asyncio.Protocol):
    """Reads replies line by line; writing goes straight to the transport."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._replies: deque[tuple[int, str]] = deque()
        self._lines: list[str] = []
        self._waiter: asyncio.Future[None] | None = None
        self._end: str = ""
        self._can_write = asyncio.Event()
        self._can_write.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > 65536:
            return self._fail("sent a reply longer than 64 KB")
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r").decode("utf-8", "replace")
            del self._buffer[: end + 1]
            if (
                len(line) < 3
                or not line[:3].isdecimal()
                or line[3:4] not in ("", " ", "-")
                or not "2" <= line[0] <= "5"
            ):
                return self._fail(f"sent a line that is no reply: {line[:200]!r}")
            self._lines.append(line[4:])
            if line[3:4] != "-":
                self._replies.append((int(line[:3]), " ".join(self._lines)))
                self._lines = []
                self._wake()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"closed the connection ({exc})" if exc else "closed the connection")

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def _fail(self, why: str) -> None:
        self._end = self._end or why
        self._can_write.set()
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def has_reply(self) -> bool:
        return bool(self._replies)

    @property
    def end(self) -> str:
        return self._end

    async def drained(self) -> None:
        await self._can_write.wait()
        if self._end:
            raise LostConnection(self._end)

    async def reply(self, timeout_s: float) -> tuple[int, str]:
        """The next reply. Raises: LostConnection when the server went away, sent garbage, or took too long."""
        if not self._replies:
            if self._end:
                raise LostConnection(self._end)
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, timeout_s)
            except TimeoutError as e:
                raise LostConnection(f"did not answer within {timeout_s:g} s") from e
            if not self._replies:
                raise LostConnection(self._end)
        return self._replies.popleft()


class Relay:
    """A Transport over several connections to one relay."""

    def __init__(self, settings: RelaySettings, judge: Judge, clock: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self.judge = judge
        self.clock = clock or (lambda: datetime.now(UTC))
        self.name = f"{settings.host}:{settings.port}"

    async def deliver(
        self,
        parcels: AsyncIterator[Parcel],
        fence: Callable[[int], Awaitable[bool]],
        settle: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        """Hand every parcel over at most once, on as many connections as configured.

        Raises: Unreachable when no connection can be made; parcels in hand were not handed over.
        """
        ready: asyncio.Queue[Parcel | None] = asyncio.Queue(self.settings.connections * 2)

        async def feed() -> None:
            try:
                async for parcel in parcels:
                    await ready.put(parcel)
            finally:
                for _ in range(self.settings.connections):
                    await ready.put(None)

        async with asyncio.TaskGroup() as group:
            feeder = group.create_task(feed())
            workers = [
                group.create_task(_Worker(self, ready, fence, settle).run()) for _ in range(self.settings.connections)
            ]
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            if any(worker.done() and worker.exception() for worker in workers):
                feeder.cancel()

    async def connect(self) -> tuple[asyncio.Transport, _Wire, frozenset[str]]:
        """Open, secure and log in. Raises: Unreachable; credentials never went in clear."""
        s = self.settings
        if s.security == "none" and s.host not in ("localhost", "127.0.0.1", "::1"):
            raise Unreachable("smtp.security = none is for loopback only", hint="set it to starttls or tls")
        context = ssl.create_default_context(cafile=str(s.ca_file) if s.ca_file else None)
        client = aiosmtplib.SMTP(
            hostname=s.host, port=s.port, timeout=s.timeout_s, use_tls=s.security == "tls", validate_certs=True,
            tls_context=None if s.security == "none" else context, local_hostname=s.hostname,
            start_tls=s.security == "starttls",
        )  # fmt: skip
        try:
            await client.connect()
            await client.ehlo()
            if s.username:
                await client.login(s.username, s.password)
        except aiosmtplib.SMTPAuthenticationError as e:
            raise Unreachable(
                f"SMTP server {self.name} refused the login ({e.code} {e.message})",
                hint="check smtp.username and NEWSLETTER_SMTP__PASSWORD, then: newsletter doctor",
            ) from e
        except (aiosmtplib.SMTPException, OSError) as e:
            raise Unreachable(f"SMTP server {self.name}: {e}", hint="check it with: newsletter doctor") from e
        transport = client.transport
        if transport is None:
            raise Unreachable(f"SMTP server {self.name} closed the connection at once", hint="newsletter doctor")
        wire = _Wire()
        transport.set_protocol(wire)
        return transport, wire, frozenset(client.esmtp_extensions)  # type: ignore[return-value]


class _Worker:
    """One connection's life: letter after letter, a new connection when one is lost."""

    def __init__(
        self,
        relay: Relay,
        ready: "asyncio.Queue[Parcel | None]",
        fence: Callable[[int], Awaitable[bool]],
        settle: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        self.relay, self.ready, self.fence, self.settle = relay, ready, fence, settle
        self.transport: asyncio.Transport | None = None
        self.wire = _Wire()
        self.offers: frozenset[str] = frozenset()

    async def run(self) -> None:
        parcel = await self.ready.get()
        failures = 0
        try:
            while parcel is not None:
                if self.transport is None:
                    self.transport, self.wire, self.offers = await self.relay.connect()
                phase = ["mail"]
                try:
                    self._begin(parcel)
                    while parcel is not None:
                        parcel = await self._one(parcel, phase)
                    failures = 0
                except LostConnection as e:
                    self._drop()
                    assert parcel is not None  # noqa: S101
                    current = self._current
                    await self._lost(current, phase[0], str(e))
                    # The letter that was announced behind the dot was never begun: it goes on the next connection.
                    parcel = self._next if self._next is not None else await self.ready.get()
                    failures += 1
                    if failures >= 3:
                        await asyncio.sleep(min(2.0**failures, 60) * random.random())
        finally:
            await self._quit()

    async def _one(self, parcel: Parcel, phase: list[str]) -> Parcel | None:
        """One transaction whose commands are already written; returns the next parcel, already begun."""
        envelope, message = parcel
        self._current, self._next = envelope, None
        phase[0] = "mail"
        timeout = self.relay.settings.timeout_s
        refused = await self._commands(envelope, phase)
        if refused is not None:
            await self.settle(refused)
            following = await self._take()
            self._next = following
            if following is not None:
                self._begin(following)
            return following
        phase[0] = "body"
        assert self.transport is not None  # noqa: S101
        self.transport.write(stuffed(message))
        await asyncio.wait_for(self.wire.drained(), timeout)
        if self.wire.has_reply:
            raise LostConnection("answered before it was asked")
        phase[0] = "fence"
        if not await self.fence(envelope.delivery):
            self._drop()
            following = await self._take()
            if following is not None:
                self.transport, self.wire, self.offers = await self.relay.connect()
                self._begin(following)
            return following
        if self.wire.end:
            phase[0] = "dot"
            raise LostConnection(self.wire.end)
        phase[0] = "dot"
        following = self._take_now() if "pipelining" in self.offers else None
        self._next = following
        self.transport.write(b".\r\n" + (self._commands_of(following[0]) if following else b""))
        code, text = await self.wire.reply(self.relay.settings.dot_timeout_s)
        await self.settle(self.relay.judge(envelope, "dot", code, text))
        if following is None:
            following = await self._take()
            self._next = following
            if following is not None:
                self._begin(following)
        return following

    async def _commands(self, envelope: Envelope, phase: list[str]) -> Receipt | None:
        """Read the replies to MAIL, RCPT and DATA; a receipt when the letter is not wanted."""
        timeout = self.relay.settings.timeout_s
        is_grouped = "pipelining" in self.offers
        refused: Receipt | None = None
        for step, command in zip(("mail", "rcpt", "data"), self._lines_of(envelope), strict=True):
            if not is_grouped and step != "mail":
                if refused is not None:
                    break
                assert self.transport is not None  # noqa: S101
                self.transport.write(command)
            if refused is None:
                phase[0] = step
            code, text = await self.wire.reply(timeout)
            if code == 421:
                await self.settle(self.relay.judge(envelope, step, code, text))
                raise LostConnection("421 " + text)
            wanted = 3 if step == "data" else 2
            if code // 100 != wanted and refused is None:
                refused = self.relay.judge(envelope, step, code, text)
            elif step == "data" and code == 354:
                if refused is None:
                    return None
                # RFC 2920 section 3.1: DATA was taken without a recipient; end it empty.
                assert self.transport is not None  # noqa: S101
                self.transport.write(b".\r\n")
                await self.wire.reply(timeout)
        if refused is None:
            return None
        assert self.transport is not None  # noqa: S101
        self.transport.write(b"RSET\r\n")
        await self.wire.reply(timeout)
        return refused

    def _begin(self, parcel: Parcel) -> None:
        assert self.transport is not None  # noqa: S101
        self._current, self._next = parcel[0], None
        lines = self._lines_of(parcel[0])
        self.transport.write(b"".join(lines) if "pipelining" in self.offers else lines[0])

    def _commands_of(self, envelope: Envelope) -> bytes:
        return b"".join(self._lines_of(envelope))

    def _lines_of(self, envelope: Envelope) -> tuple[bytes, bytes, bytes]:
        more = "" if envelope.recipient.isascii() else " SMTPUTF8"
        if "8bitmime" in self.offers and more:
            more += " BODY=8BITMIME"
        dsn = " NOTIFY=FAILURE,DELAY" if "dsn" in self.offers else ""
        ret = f" RET=HDRS ENVID={envelope.delivery}" if "dsn" in self.offers else ""
        return (
            f"MAIL FROM:<{envelope.sender}>{ret}{more}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>{dsn}\r\n".encode(),
            b"DATA\r\n",
        )

    async def _lost(self, envelope: Envelope, phase: str, why: str) -> None:
        """A connection ended in the middle: before the dot it is safe to try again, after it nobody knows."""
        now = self.relay.clock()
        if phase == "dot":
            held = Receipt(envelope.delivery, DeliveryState.HELD, now, reply=why, phase="dot", relay=self.relay.name)
            await self.settle(held)
        elif not why.startswith("421 "):
            await self.settle(self.relay.judge(envelope, phase, 421, why))

    async def _take(self) -> Parcel | None:
        return await self.ready.get()

    def _take_now(self) -> Parcel | None:
        """The next parcel if one is waiting; the end of the line stays in the queue."""
        if self.ready.empty():
            return None
        parcel = self.ready.get_nowait()
        if parcel is None:
            self.ready.put_nowait(None)
        return parcel

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self.transport = None

    async def _quit(self) -> None:
        if self.transport is None:
            return
        with contextlib.suppress(LostConnection):
            self.transport.write(b"QUIT\r\n")
            await self.wire.reply(1.0)
        self.transport.close()


def stuffed(message: bytes) -> bytes:
    """The message as DATA wants it: dots doubled at the start of a line (RFC 5321 section 4.5.2), CRLF at the end."""
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message if message.endswith(b"\r\n") else message + b"\r\n"
