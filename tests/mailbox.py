"""A real SMTP server for tests: aiosmtpd on a loopback port, keeping every message it accepted."""

import asyncio
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class Mailbox:
    """Use it as an async context. `refuse` maps an address to the reply that RCPT gets."""

    def __init__(self, refuse: dict[str, str] | None = None) -> None:
        self.refuse = refuse or {}
        self.raw: list[tuple[str, bytes]] = []

    async def __aenter__(self) -> "Mailbox":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.raw.append((envelope.rcpt_tos[0], envelope.content))
        return "250 2.0.0 queued as 1"

    @property
    def letters(self) -> dict[str, EmailMessage]:
        """Recipient -> the last letter, as the standard library's parser reads it."""
        parser = BytesParser(policy=default)
        return {to: parser.parsebytes(raw) for to, raw in self.raw}
