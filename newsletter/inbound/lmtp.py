"""An LMTP server (RFC 2033) for the mail server in front of us: every recipient gets its own
answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope

#: A returned mail or a command; whatever is larger is neither.
MAX_BYTES = 10_000_000

#: What to do with one mail: envelope sender, recipient, bytes -> the reply.
Take = Callable[[str, str, bytes], Awaitable[str]]


class _Handler:
    def __init__(self, take: Take) -> None:
        self._take = take

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


async def listen(where: str, take: Take) -> asyncio.Server:
    """Listen on HOST:PORT or on the path of a socket. Raises: OSError."""
    loop = asyncio.get_running_loop()

    def session() -> LMTP:
        return LMTP(
            _Handler(take), data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, timeout=60, loop=loop
        )

    if "/" in where:
        return await loop.create_unix_server(session, where)
    host, _, port = where.rpartition(":")
    return await loop.create_server(session, host.strip("[]"), int(port))
