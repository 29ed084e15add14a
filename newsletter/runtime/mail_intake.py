"""The ways in which mail comes in while a daemon runs, independent of the ticks."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from newsletter.app import App
from newsletter.errors import ConfigError, NewsletterError
from newsletter.inbound import imap, intake, lmtp
from newsletter.inbound.processor import is_ours

log = structlog.get_logger()


class MailIntake:
    """LMTP while the daemon runs; a folder, an IMAP folder and stored mails once a minute."""

    def __init__(
        self, app: App, clock: Callable[[], datetime], on_taken: Callable[[], object]
    ) -> None:
        """`on_taken` is called after mail was taken: an answer may wait."""
        self._app = app
        self._clock = clock
        self._on_taken = on_taken

    async def listen(self) -> asyncio.Server | None:
        """Take mail by LMTP if the site is configured for it. Raises: ConfigError."""
        where = self._app.config.bounces.lmtp
        if not where:
            return None

        async def take(sender: str, recipient: str, raw: bytes) -> str:
            taken = await intake.take(self._app, sender, recipient, raw, self._clock)
            self._on_taken()
            return taken

        try:
            return await lmtp.listen(where, take, partial(is_ours, self._app))
        except OSError as e:
            raise ConfigError(
                [f"bounces.lmtp: cannot listen on {where}: {e.strerror}"],
                hint="stop what listens there",
            ) from e

    async def look(self) -> None:
        """Take mail that waits elsewhere. A failure is logged, and the next call tries again."""
        await asyncio.to_thread(self._look)
        self._on_taken()

    def _look(self) -> None:
        now, bounces = self._clock(), self._app.config.bounces
        try:
            if bounces.maildir is not None:
                intake.look_into(self._app, bounces.maildir, now)
            else:
                intake.note_channel(self._app, "maildir", "", now)
            if bounces.imap:
                imap.look_into(self._app, now)
            else:
                intake.note_channel(self._app, "imap", "", now)
            intake.look_after(self._app, now)
        except NewsletterError as e:
            log.error("inbound.later", text=e.message, next="tried again in a minute")
        except Exception:
            log.exception("inbound.crashed", next="tried again in a minute")
