"""One SMTP connection as lines. It reads and counts replies; other modules interpret them."""

import asyncio
from collections import deque


class LostConnection(Exception):
    """The connection ended, or the data was not SMTP."""


class SmtpStream(asyncio.Protocol):
    """Reads replies line by line; writes go directly to the transport."""

    def __init__(self) -> None:
        self._rest = b""  #: of a line that has not come to its end
        self._replies: deque[tuple[int, str]] = deque()
        self._lines: list[str] = []
        self._waiter: asyncio.Future[None] | None = None
        self._end: str = ""
        self._can_write = asyncio.Event()
        self._can_write.set()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if len(data) > 65536:
            return self._fail("sent a reply longer than 64 KB")
        *lines, self._rest = data.split(b"\n")
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
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

    async def drained(self, timeout_s: float) -> None:
        """Wait until the written data is sent. Raises: LostConnection."""
        if not self._can_write.is_set():
            try:
                await asyncio.wait_for(self._can_write.wait(), timeout_s)
            except TimeoutError as e:
                raise LostConnection(f"did not take the body within {timeout_s:g} s") from e
        if self._end:
            raise LostConnection(self._end)

    async def reply(self, timeout_s: float) -> tuple[int, str]:
        """Return the next reply.

        Raises: LostConnection when the server closed, sent garbage, or took too long.
        """
        if not self._replies:
            if self._end:
                raise LostConnection(self._end)
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            # Takes a third of the time of asyncio.wait_for, four times per letter.
            timer = loop.call_later(timeout_s, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
            if not self._replies:
                raise LostConnection(self._end or f"did not answer within {timeout_s:g} s")
        return self._replies.popleft()
