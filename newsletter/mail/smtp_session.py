"""One SMTP connection, with its transactions in phases.

Before the final dot everything can be tried again; after it only the server knows the outcome. So
the body is written first, then the fence is asked, then the dot is sent, and the reply to it is
recorded before anything else. With PIPELINING (RFC 2920) the dot and the next MAIL, RCPT and DATA
are one write: one round trip per mail.
"""

import asyncio
import contextlib
import random
import select
import time
from collections.abc import Mapping

from newsletter.errors import Unreachable
from newsletter.failpoint import failpoint
from newsletter.mail.connection_queue import ConnectionQueue, Parcel
from newsletter.mail.relay import Opened, Relay
from newsletter.mail.smtp_stream import LostConnection, SmtpStream
from newsletter.models import Envelope, Reply

#: How often the loop turns to find out what the kernel has to read right before the dot.
TURNS = 4
#: Replies by which a relay asks for a lower rate (RFC 5321 section 3.8, RFC 4954 section 4).
TOO_FAST = (421, 454)
#: A relay counts as away after this many connections in a row without a completed transaction, and
#: one more per configured connection.
FRUITLESS = 2


class NotAllowed(Exception):
    """The ledger forbids the final dot: the row is not ours any more, or the letter is not wanted
    any more.
    """


class SmtpSession:
    """One connection: letter after letter, and a new connection when one is lost."""

    def __init__(self, relay: Relay, queue: ConnectionQueue) -> None:
        self.relay, self.queue = relay, queue
        self.is_used = False  #: a transaction was completed on this connection
        self.transport: asyncio.Transport | None = None
        self.stream = SmtpStream()
        self.offers: Mapping[str, str] = {}
        self.largest = 0  #: bytes that a message may have; 0 = the server does not say
        self._socket = select.poll()

    async def run(self) -> None:
        parcel = await self._take()
        failures = 0
        try:
            while parcel is not None:
                if self.transport is None and not await self._open(parcel):
                    return
                if self._is_too_large(parcel):
                    parcel = await self._refuse_and_take(parcel)
                    continue
                phase = ["mail"]
                try:
                    self._begin(parcel)
                    while parcel is not None:
                        parcel = await self._one(parcel, phase)
                except NotAllowed:  # not the relay's fault: only the body is cut off
                    self._drop()
                    parcel = self._next if self._next is not None else await self._take()
                except LostConnection as e:
                    self._drop()
                    if phase[0] == "mail" and self.is_used:
                        # closed while idle, which is no try of the letter: it is sent on a new
                        # connection
                        continue
                    failures = 0 if self.is_used else failures + 1
                    assert parcel is not None  # noqa: S101  (the loop's condition)
                    parcel = await self._lost(parcel, phase[0], str(e))
                    if failures >= 3:
                        await asyncio.sleep(min(2.0**failures, 60) * random.random())
        finally:
            await self._quit()

    async def _open(self, parcel: Parcel) -> bool:
        """Connect. If that fails, the letter is left to the other connections."""
        async with self.queue.opening:
            if self.queue.closed is None:
                try:
                    self._use(await self.relay.connect())
                    return True
                except Unreachable as e:
                    self.queue.closed = e
        self.queue.back.append(parcel)
        return False

    def _use(self, opened: Opened) -> None:
        self.transport, self.stream, self.offers = opened.transport, opened.stream, opened.offers
        self.largest, self.is_used = opened.largest, False
        self._socket = select.poll()
        self._socket.register(opened.transport.get_extra_info("socket").fileno(), select.POLLIN)

    async def _one(self, parcel: Parcel, phase: list[str]) -> Parcel | None:
        """Finish one transaction whose commands are already written; return the next parcel,
        already begun.
        """
        envelope, message = parcel
        self._current, self._next = envelope, None
        phase[0] = "mail"
        timeout = self.relay.settings.timeout_s
        if not await self._is_wanted(parcel, phase):
            self._completed()
            following = await self._take()
            self._next = following
            if following is not None:
                self._begin(following)
            return following
        phase[0] = "body"
        self._write(message)
        await self.stream.drained(timeout)
        phase[0] = "fence"
        self._check_silence()
        if not await self.queue.fence(envelope.delivery):
            raise NotAllowed
        if self._socket.poll(0):
            for _ in range(TURNS):
                await asyncio.sleep(0)
        self._check_silence()
        phase[0] = "dot"
        following = self._take_now() if "pipelining" in self.offers else None
        self._next = following
        self._write(b".\r\n" + (b"".join(self._lines_of(following)) if following else b""))
        failpoint("dot")
        code, text = await self.stream.reply(self.relay.settings.dot_timeout_s)
        await self._tell(envelope, "dot", code, text)
        phase[0] = "settled"
        self._completed()
        if code // 100 == 2:
            self.relay.bucket.content(time.monotonic())
        if following is None:
            following = await self._take()
            self._next = following
            if following is not None:
                self._begin(following)
        return following

    def _check_silence(self) -> None:
        """Make sure that nothing waits to be read before the dot: replies and commands would not
        match.
        """
        if self.stream.end or self.stream.has_reply:
            raise LostConnection(self.stream.end or "answered before it was asked")

    async def _is_wanted(self, parcel: Parcel, phase: list[str]) -> bool:
        """Read the replies to MAIL, RCPT and DATA. A refused letter is settled here."""
        envelope, timeout = parcel[0], self.relay.settings.timeout_s
        is_grouped = "pipelining" in self.offers
        refused: tuple[str, int, str] | None = None  #: phase, code, text
        for step, command in zip(("mail", "rcpt", "data"), self._lines_of(parcel), strict=True):
            if not is_grouped and step != "mail":
                if refused is not None:
                    break
                self._write(command)
            if refused is None:
                phase[0] = step
            code, text = await self.stream.reply(timeout)
            if step == "mail" and code in TOO_FAST:
                self.relay.bucket.slow(time.monotonic())
            if code == 421:
                if refused is not None or step != "mail" or self.is_used:
                    await self._tell(envelope, *(refused or (step, code, text)))
                    phase[0] = "settled"
                raise LostConnection("421 " + text)
            wanted = 3 if step == "data" else 2
            if code // 100 not in (wanted, 4, 5):
                raise LostConnection(f"answered {step.upper()} with {code}")
            if code // 100 != wanted and refused is None:
                refused = self._refusal(envelope, step, code, text)
            elif step == "data" and code == 354:
                if refused is None:
                    return True
                # RFC 2920 section 3.1: DATA was accepted without a recipient; end it empty.
                self._write(b".\r\n")
                await self.stream.reply(timeout)
        assert refused is not None  # noqa: S101  (each other reply has returned)
        await self._tell(envelope, *refused)
        phase[0] = "settled"
        self._write(b"RSET\r\n")
        code, text = await self.stream.reply(timeout)
        if code // 100 != 2:
            raise LostConnection(f"answered RSET with {code} {text}")
        return False

    def _refusal(self, envelope: Envelope, step: str, code: int, text: str) -> tuple[str, int, str]:
        """Return what was refused. A relay without SMTPUTF8 refuses MAIL because of the
        recipient.
        """
        is_ours = envelope.recipient.isascii() or "smtputf8" in self.offers
        if step == "mail" and code // 100 == 5 and not is_ours:
            return "rcpt", 553, "5.6.7 this relay offers no SMTPUTF8"
        return step, code, text

    def _begin(self, parcel: Parcel) -> None:
        self._current, self._next = parcel[0], None
        lines = self._lines_of(parcel)
        self._write(b"".join(lines) if "pipelining" in self.offers else lines[0])

    def _lines_of(self, parcel: Parcel) -> tuple[bytes, bytes, bytes]:
        envelope, message = parcel
        more = "" if envelope.recipient.isascii() else " SMTPUTF8"
        if "8bitmime" in self.offers and more:
            more += " BODY=8BITMIME"
        if "size" in self.offers:
            more += f" SIZE={len(message)}"
        dsn = " NOTIFY=FAILURE,DELAY" if "dsn" in self.offers else ""
        ret = f" RET=HDRS ENVID={envelope.delivery}" if "dsn" in self.offers else ""
        return (
            f"MAIL FROM:<{envelope.sender}>{ret}{more}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>{dsn}\r\n".encode(),
            b"DATA\r\n",
        )

    async def _lost(self, parcel: Parcel, phase: str, why: str) -> Parcel | None:
        """Handle a connection that ended in the middle: before the dot the letter can be tried
        again, after it nobody knows.

        Returns the letter that comes next.
        """
        if not self.is_used:
            self._fruitless(why)
        is_not_begun = phase == "mail" and (why.startswith("421") or bool(self.stream.end))
        if is_not_begun:  # the relay talks to nobody: this is no try of the letter
            self.queue.back.appendleft(parcel)
        elif phase != "settled":
            await self._tell(self._current, phase, 0, why)
        # The letter that was announced after the dot was never begun: the next connection sends it.
        return self._next if self._next is not None else await self._take()

    def _fruitless(self, why: str) -> None:
        """Count a connection without an accepted letter; after a few in a row the relay is away."""
        self.queue.fruitless += 1
        if self.queue.fruitless >= FRUITLESS + self.relay.settings.connections:
            self.queue.closed = Unreachable(
                f"SMTP server {self.relay.name} ended {self.queue.fruitless} connections in a row "
                f"without taking a letter: {why}",
                hint="check it with: newsletter doctor",
            )

    def _completed(self) -> None:
        self.is_used, self.queue.fruitless = True, 0

    async def _tell(self, envelope: Envelope, phase: str, code: int, text: str) -> None:
        """Hand the reply to the owner of the letter, and wait until it is recorded."""
        now = self.relay.clock()
        await self.queue.answer(Reply(envelope.delivery, phase, code, text, now, self.relay.name))

    def _write(self, data: bytes) -> None:
        assert self.transport is not None  # noqa: S101  (set by _open)
        self.transport.write(data)

    async def _take(self) -> Parcel | None:
        parcel = await self.queue.take()
        return (
            await self._refuse_and_take(parcel)
            if parcel is not None and self._is_too_large(parcel)
            else parcel
        )

    def _take_now(self) -> Parcel | None:
        parcel = self.queue.take_now()
        if parcel is not None and self._is_too_large(parcel):
            self.queue.back.append(parcel)
            return None
        return parcel

    def _is_too_large(self, parcel: Parcel) -> bool:
        return 0 < self.largest < len(parcel[1])

    async def _refuse_and_take(self, parcel: Parcel) -> Parcel | None:
        """Settle a letter that is too large for the relay (RFC 1870) without sending it."""
        said = f"5.3.4 {len(parcel[1])} bytes, the relay takes {self.largest}"
        await self._tell(parcel[0], "mail", 552, said)
        return await self._take()

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self.transport = None

    async def _quit(self) -> None:
        if self.transport is None:
            return
        with contextlib.suppress(LostConnection):
            self.transport.write(b"QUIT\r\n")
            await self.stream.reply(1.0)
        self.transport.close()
