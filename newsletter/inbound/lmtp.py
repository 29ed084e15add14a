"""An LMTP server (RFC 2033) for our mail server: every recipient gets its own reply."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope

#: A larger mail is refused; reports have their content at the beginning.
MAX_BYTES = 10_000_000
#: Most bytes of one line. It is more than the standards allow: some mail systems write a report as
#: one line.
MAX_LINE = 2_000_000

#: Processes one mail: envelope sender, recipient, bytes -> the reply.
Take = Callable[[str, str, bytes], Awaitable[str]]


class _Session(LMTP):
    line_length_limit = MAX_LINE


class _Handler:
    def __init__(self, take: Take, is_ours: Callable[[str], bool]) -> None:
        self._take = take
        self._is_ours = is_ours

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not self._is_ours(address):
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        content = (
            envelope.content
            if isinstance(envelope.content, bytes)
            else str(envelope.content).encode()
        )
        replies = [
            await self._take(envelope.mail_from or "", to, content) for to in envelope.rcpt_tos
        ]
        return "\r\n".join(replies)


async def listen(
    where: str, take: Take, is_ours: Callable[[str], bool] = lambda _: True
) -> asyncio.Server:
    """Listen on HOST:PORT or on the path of a socket. `is_ours`: whether a recipient is accepted.
    Raises: OSError.
    """
    loop = asyncio.get_running_loop()

    def session() -> LMTP:
        return _Session(
            _Handler(take, is_ours),
            data_size_limit=MAX_BYTES,
            enable_SMTPUTF8=True,
            timeout=60,
            loop=loop,
        )

    if "/" in where:
        return await loop.create_unix_server(session, where)
    host, _, port = where.rpartition(":")
    return await loop.create_server(session, host.strip("[]"), int(port))
